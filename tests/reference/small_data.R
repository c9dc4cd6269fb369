# Rscript small_data.R : writes glmnet_small.csv, the problem of glmnet_small.R and likelihood.R. No random numbers.
#
# 400 cells of side 1; four point patterns from the golden-ratio sequence; 4 nested proximity columns for each of three
# factors, one protective column coded 0/-1; overdispersed counts by the NB1 quantile of a scrambled uniform.

folder <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])))
source(file.path(folder, "common.R"))

fraction <- function(x) x - floor(x)
scrambled <- function(i) fraction(sin(i * 12.9898) * 43758.5453)

cells <- expand.grid(x = 1:20 - 0.5, y = 1:20 - 0.5)
nearest <- function(number, shift) {
  i <- seq_len(number) + shift
  px <- 20 * fraction(i * 0.6180339887)
  py <- 20 * fraction(i * 0.7548776662)
  sqrt(apply(outer(cells$x, px, "-")^2 + outer(cells$y, py, "-")^2, 1, min))
}

factors <- list(a = nearest(12, 0), b = nearest(20, 40), c = nearest(9, 90))
data <- list()
for (name in names(factors)) for (d in 1:4) data[[paste0(name, d)]] <- as.integer(factors[[name]] <= d)
data$guard <- -as.integer(nearest(5, 200) <= 4)
data <- as.data.frame(data)

mean_count <- exp(-0.9 + 0.9 * data$a2 + 0.6 * data$b1 + 0.25 * data$c3 + 0.5 * data$guard)
data$count <- qnbinom(scrambled(seq_along(mean_count)), size = mean_count / 0.8, mu = mean_count)

# Stratified folds: in order of count, each run of five cells holds every label once.
ordered <- order(-data$count, scrambled(1000 + seq_along(mean_count)))
data$fold[ordered] <- (seq_along(ordered) - 1 + (seq_along(ordered) - 1) %/% 5 * 2) %% 5
write.csv(data, file.path(folder, "glmnet_small.csv"), row.names = FALSE)
