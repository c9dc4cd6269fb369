# Rscript glmnet_small.R : the elastic-net paths of glmnet on glmnet_small.csv, to glmnet_small.json.

folder <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])))
source(file.path(folder, "common.R"))
suppressPackageStartupMessages(library(glmnet))

COUNT <- 20
glmnet.control(fdev = 0, devmax = 1) # never stop early: every penalty is fitted

data <- read.csv(file.path(folder, "glmnet_small.csv"))
x <- as.matrix(data[setdiff(names(data), c("count", "fold"))])

fit <- function(rows, alpha, lambda) {
  model <- glmnet(x[rows, ], data$count[rows], family = "poisson", alpha = alpha, lambda = lambda,
                  lower.limits = 0, thresh = 1e-16, maxit = 1e8)
  stopifnot(length(model$lambda) == COUNT, model$jerr == 0)
  list(intercept = unname(model$a0), coefficients = t(as.matrix(model$beta)))
}

path <- function(alpha) {
  lambda <- penalty_sequence(x, data$count, alpha, COUNT)
  cv <- cv.glmnet(x, data$count, family = "poisson", alpha = alpha, lambda = lambda, foldid = data$fold + 1,
                  type.measure = "deviance", lower.limits = 0, thresh = 1e-16, maxit = 1e8)
  fits <- c(list(fit(TRUE, alpha, lambda)), lapply(0:4, function(k) fit(data$fold != k, alpha, lambda)))
  list(l1_share = as_scalar(alpha), penalties = lambda, deviance = unname(cv$cvm),
       best = as_scalar(which.min(cv$cvm) - 1), fits = fits)
}

write_json(lapply(c(0.95, 0.80), path), file.path(folder, "glmnet_small.json"), 10)
