# What the reference scripts share. Base R only, so that nothing here can agree with the plugin by sharing code with it.

# JSON of nested lists, vectors and matrices (by rows). Scalars need as_scalar(), so that a vector of one stays a list.
as_scalar <- function(value) structure(list(value), class = "scalar")

to_json <- function(value, digits) {
  if (inherits(value, "scalar")) return(json_atoms(value[[1]], digits))
  if (is.matrix(value)) value <- unname(lapply(seq_len(nrow(value)), function(i) value[i, ]))
  if (!is.list(value)) return(paste0("[", paste(json_atoms(unname(value), digits), collapse = ", "), "]"))
  items <- vapply(value, to_json, "", digits = digits)
  if (is.null(names(value))) return(paste0("[", paste(items, collapse = ",\n"), "]"))
  paste0("{", paste0('"', names(value), '": ', items, collapse = ",\n"), "}")
}

json_atoms <- function(value, digits) {
  if (is.character(value)) return(paste0('"', value, '"'))
  if (is.logical(value)) return(tolower(as.character(value)))
  format_number <- function(x) sub("^-0$", "0", format(round(x, digits), digits = 15, trim = TRUE, scientific = FALSE))
  vapply(value, format_number, "")
}

write_json <- function(value, path, digits) writeLines(to_json(value, digits), path)

# Smallest penalty at which nothing enters, and the sequence down to 1e-4 of it, for standardised columns, divisor n.
penalty_sequence <- function(x, y, alpha, count) {
  centred <- sweep(x, 2, colMeans(x))
  gradient <- colSums(centred * (y - mean(y))) / sqrt(colMeans(centred^2)) / length(y)
  largest <- max(gradient) / alpha
  exp(seq(log(largest), log(largest * 1e-4), length.out = count))
}

# NB1 of METHOD 4.4, variance mu (1 + sigma): weighted maximum likelihood in (beta, ln sigma).
nb1_log_likelihood <- function(theta, x, y, w) {
  mu <- exp(drop(x %*% theta[seq_len(ncol(x))]))
  sum(w * dnbinom(y, size = mu / exp(theta[length(theta)]), mu = mu, log = TRUE))
}

nb1_gradient <- function(theta, x, y, w) {
  sigma <- exp(theta[length(theta)])
  size <- exp(drop(x %*% theta[seq_len(ncol(x))])) / sigma
  by_log_size <- size * (digamma(y + size) - digamma(size) - log1p(sigma))
  by_log_sigma <- y - (y + size) * sigma / (1 + sigma) - by_log_size
  c(colSums(x * (w * by_log_size)), sum(w * by_log_sigma))
}

# BFGS comes near; a few Newton steps on a numeric Hessian of the gradient then settle the last digits.
nb1_fit <- function(x, y, w = rep(1, length(y)), start = NULL) {
  if (is.null(start)) start <- c(log(sum(w * y) / sum(w)), rep(0, ncol(x) - 1), log(0.5))
  negative <- function(theta) -nb1_log_likelihood(theta, x, y, w)
  slope <- function(theta) -nb1_gradient(theta, x, y, w)
  theta <- optim(start, negative, slope, method = "BFGS", control = list(maxit = 1000, reltol = 1e-13))$par
  for (i in 1:6) {
    step <- solve(optimHess(theta, negative, slope, control = list(ndeps = rep(1e-5, length(theta)))), slope(theta))
    theta <- theta - step
    if (max(abs(step)) < 1e-9) break
  }
  covariance <- solve(optimHess(theta, negative, slope, control = list(ndeps = rep(1e-5, length(theta)))))
  k <- ncol(x)
  list(coefficients = theta[1:k], errors = sqrt(diag(covariance))[1:k], dispersion = exp(theta[k + 1]),
       log_dispersion_error = sqrt(covariance[k + 1, k + 1]), log_likelihood = -negative(theta),
       theta = theta, parameters = k + 1)
}

poisson_fit <- function(x, y, w = rep(1, length(y))) {
  model <- glm.fit(x, y, weights = w, family = poisson(), control = glm.control(epsilon = 1e-15, maxit = 100))
  list(coefficients = unname(model$coefficients), errors = unname(sqrt(diag(chol2inv(model$qr$qr[, model$qr$pivot])))),
       log_likelihood = sum(w * dpois(y, model$fitted.values, log = TRUE)), parameters = ncol(x))
}
