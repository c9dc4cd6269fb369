# Rscript likelihood.R : Poisson (glm), NB1 (own maximisation) and NB2 (MASS::glm.nb) on glmnet_small.csv, to likelihood.json.

folder <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])))
source(file.path(folder, "common.R"))

COLUMNS <- c("a2", "b1", "c3", "guard")
data <- read.csv(file.path(folder, "glmnet_small.csv"))
x <- cbind(1, as.matrix(data[COLUMNS]))
y <- data$count

nb2_fit <- function() {
  formula <- reformulate(COLUMNS, "count")
  model <- MASS::glm.nb(formula, data, control = glm.control(epsilon = 1e-15, maxit = 500))
  theta <- polished_theta(model)
  mu <- fitted(model)
  list(coefficients = unname(coef(model)), dispersion = 1 / theta,
       log_likelihood = sum(dnbinom(y, size = theta, mu = mu, log = TRUE)))
}

# glm.nb stops theta at a loose tolerance, which is seen in the sixth digit of theta and the tenth of the likelihood.
polished_theta <- function(model) {
  objective <- function(theta) -sum(dnbinom(y, size = theta, mu = fitted(model), log = TRUE))
  optimize(objective, model$theta * c(0.99, 1.01), tol = 1e-12)$minimum
}

entry <- function(fit) {
  result <- list(coefficients = fit$coefficients, log_likelihood = as_scalar(fit$log_likelihood))
  if (!is.null(fit$errors)) result$standard_errors <- fit$errors # glm.nb's leave the dispersion out: not comparable
  if (!is.null(fit$dispersion)) result$dispersion <- as_scalar(fit$dispersion)
  result
}

fits <- list(poisson = poisson_fit(x, y), nb1 = nb1_fit(x, y), nb2 = nb2_fit())
write_json(list(columns = COLUMNS, fits = lapply(fits, entry)), file.path(folder, "likelihood.json"), 10)
