# What R does on the matrix that peers.py has laid out in a folder; prints one JSON line.
#
#   Rscript peers.R FOLDER net               cv.glmnet on the given folds and penalties
#   Rscript peers.R FOLDER steps poisson     glm on the fits listed in fits.txt; nb2: MASS::glm.nb

suppressPackageStartupMessages({
  library(glmnet)
  library(MASS)
})

arguments <- commandArgs(TRUE)
path <- function(name) file.path(arguments[1], name)
size <- scan(path("size.txt"), quiet = TRUE)
numbers <- function(name, count) readBin(path(name), "double", count)
y <- numbers("counts.bin", size[1])
x <- matrix(readBin(path("matrix.bin"), "integer", size[1] * size[2], size = 1), size[1], size[2]) * 1.0

processor <- function(work) {
  gc(FALSE)
  used <- system.time(value <- work())
  list(seconds = used[["user.self"]] + used[["sys.self"]], value = value)
}

net <- function() {
  fold <- numbers("folds.bin", size[1]) + 1
  lambda <- numbers("penalties.bin", size[3])
  fit <- function(x) {
    processor(function() cv.glmnet(x, y, family = "poisson", alpha = size[4], lambda = lambda, foldid = fold,
                                   type.measure = "deviance", lower.limits = 0))
  }
  dense <- fit(x)
  thin <- fit(Matrix(x, sparse = TRUE))
  best <- which.min(dense$value$cvm)
  cat(sprintf('{"dense": %.4f, "sparse": %.4f, "penalties": %d, "best": %d, "deviance": %.10f}\n', dense$seconds,
              thin$seconds, length(dense$value$lambda), best - 1L, dense$value$cvm[best]))
}

steps <- function(family) {
  fit <- if (family == "poisson") function(...) glm(..., family = poisson) else glm.nb
  one <- function(line) {
    columns <- as.integer(strsplit(line, " ")[[1]])
    data <- data.frame(y = y, x[, columns, drop = FALSE])
    processor(function() suppressWarnings(try(fit(y ~ ., data = data), silent = TRUE)))
  }
  fits <- lapply(readLines(path("fits.txt")), one)
  seconds <- vapply(fits, function(done) done$seconds, 0)
  failed <- vapply(fits, function(done) inherits(done$value, "try-error"), NA)
  cat(sprintf('{"seconds": [%s], "failed": %d}\n', paste(round(seconds, 4), collapse = ", "), sum(failed)))
}

if (arguments[2] == "net") net() else steps(arguments[3])
