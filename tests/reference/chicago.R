# Rscript chicago.R WORK BLOCK OUT.json : the whole selection on Chicago from coordinates, apart from the plugin.
#
# WORK is the folder that chicago_export.py wrote. Six factors, proximity and density, three blocks in half increments;
# culling by glmnet, then BIC stepwise under Poisson and NB1 (METHOD 3 and 4).

folder <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])))
source(file.path(folder, "common.R"))
suppressPackageStartupMessages(library(glmnet))
suppressPackageStartupMessages(library(parallel))

FACTORS <- c("abandoned_cars", "abandoned_buildings", "graffiti", "liquor_retail", "sanitation", "street_light_outages")
SHARES <- c(0.95, 0.80)
FOLDS <- 5
P_LIMIT <- 0.05
CORES <- 2

# ---- candidates -------------------------------------------------------------------------------------------------

read_xy <- function(path) as.matrix(read.csv(path))

events_per_cell <- function(cells, events, size) {
  origin <- c(min(cells[, "x"]), max(cells[, "y"])) # north-west centre
  key <- function(column, row) paste(column, row)
  of_cell <- key(round((cells[, "x"] - origin[1]) / size), round((origin[2] - cells[, "y"]) / size))
  of_event <- key(floor((events[, "x"] - origin[1]) / size + 0.5), floor((origin[2] - events[, "y"]) / size + 0.5))
  tabulate(match(of_event, of_cell), nbins = nrow(cells))
}

# Every cell against every point that its tile can reach: brute force, in tiles as wide as the largest influence.
influence <- function(cells, points, ladder) {
  reach <- max(ladder)
  nearest <- rep(Inf, nrow(cells))
  density <- matrix(0, nrow(cells), length(ladder))
  by_column <- split(seq_len(nrow(points)), floor(points[, "x"] / reach))
  for (tile in split(seq_len(nrow(cells)), paste(floor(cells[, "x"] / reach), floor(cells[, "y"] / reach)))) {
    near <- points[points_near(cells[tile[1], ], points, by_column, reach), , drop = FALSE]
    if (!nrow(near)) next
    squared <- outer(cells[tile, "x"], near[, "x"], "-")^2 + outer(cells[tile, "y"], near[, "y"], "-")^2
    nearest[tile] <- sqrt(apply(squared, 1, min))
    for (j in seq_along(ladder)) density[tile, j] <- epanechnikov(squared, ladder[j])
  }
  list(nearest = nearest, density = density)
}

# Rows of the points in the tile of the given cell and the eight tiles around it.
points_near <- function(cell, points, by_column, reach) {
  tile <- floor(cell[c("x", "y")] / reach)
  rows <- unlist(by_column[as.character(tile["x"] + -1:1)])
  rows[abs(floor(points[rows, "y"] / reach) - tile["y"]) <= 1]
}

epanechnikov <- function(squared, d) {
  kernel <- 2 / (pi * d^2) * (1 - squared / d^2)
  kernel[squared > d^2] <- 0
  rowSums(kernel)
}

factor_columns <- function(name, points, cells, ladder) {
  near <- influence(cells, points, ladder)
  proximity <- outer(near$nearest, ladder, "<=")
  threshold <- colMeans(near$density) + 2 * apply(near$density, 2, sd)
  dense <- sweep(near$density, 2, threshold, ">=")
  columns <- cbind(proximity, dense) * 1
  colnames(columns) <- c(paste(name, "proximity", ladder, sep = "_"), paste(name, "density", ladder, sep = "_"))
  columns
}

# The fold labels are ours, but their rule can be checked: however high a count we look at, no fold has more of the cells
# with at least that count than another, give or take one.
check_folds <- function(y, fold) {
  for (least in unique(y)) stopifnot(diff(range(table(factor(fold[y >= least], 0:(FOLDS - 1))))) <= 1)
}

# ---- culling ----------------------------------------------------------------------------------------------------

cull_path <- function(x, y, fold, alpha) {
  lambda <- penalty_sequence(x, y, alpha, 100)
  fit <- function(rows) {
    glmnet(x[rows, ], y[rows], family = "poisson", alpha = alpha, lambda = lambda, lower.limits = 0,
           thresh = 1e-14, maxit = 1e8)
  }
  fits <- mclapply(0:FOLDS, function(k) if (k == 0) fit(TRUE) else fit(fold != k - 1), mc.cores = CORES)
  stopifnot(all(vapply(fits, function(model) length(model$lambda) == 100, NA)))
  deviance <- numeric(100)
  for (k in seq_len(FOLDS)) deviance <- deviance + held_out(fits[[k + 1]], x, y, fold == k - 1) / length(y)
  best <- which.min(deviance)
  beta <- fits[[1]]$beta[, best]
  list(l1_share = alpha, penalty = lambda[best], best = best - 1, deviance = deviance[best], coefficients = beta)
}

# Sum of the Poisson deviances of the held-out rows, at each penalty.
held_out <- function(model, x, y, rows) {
  eta <- predict(model, x[rows, ])
  own <- ifelse(y[rows] > 0, y[rows] * log(pmax(y[rows], 1)) - y[rows], 0)
  colSums(2 * (own - (y[rows] * eta - exp(eta))))
}

# ---- stepwise ---------------------------------------------------------------------------------------------------

factor_of <- function(names) sub("_(proximity|density)_[0-9.]+$", "", names)

# Cells with the same pattern and count are one weighted row.
aggregated <- function(x, y, chosen) {
  pattern <- y
  for (name in chosen) pattern <- pattern * 2 + x[, name]
  first <- !duplicated(pattern)
  weight <- tabulate(match(pattern, pattern[first]), nbins = sum(first))
  list(x = cbind(1, x[first, chosen, drop = FALSE]), y = y[first], w = weight)
}

fit_model <- function(family, x, y, chosen) {
  rows <- aggregated(x, y, chosen)
  fit <- if (family == "poisson") poisson_fit(rows$x, rows$y, rows$w) else nb1_fit(rows$x, rows$y, rows$w)
  fit$chosen <- chosen
  fit$bic <- -2 * fit$log_likelihood + fit$parameters * log(length(y))
  p <- 2 * pnorm(-abs(fit$coefficients / fit$errors))[-1]
  fit$admissible <- all(fit$coefficients[-1] > 0) && all(p <= P_LIMIT)
  fit
}

moves <- function(chosen, pool) {
  add <- lapply(pool[!factor_of(pool) %in% factor_of(chosen)], function(name) c(chosen, name))
  remove <- lapply(chosen, function(name) setdiff(chosen, name))
  swap <- unlist(lapply(chosen, function(name) {
    rivals <- setdiff(pool[factor_of(pool) == factor_of(name)], name)
    lapply(rivals, function(rival) c(setdiff(chosen, name), rival))
  }), recursive = FALSE)
  c(add, remove, swap)
}

stepwise <- function(family, x, y, pool) {
  current <- fit_model(family, x, y, character())
  repeat {
    fits <- mclapply(moves(current$chosen, pool), function(chosen) fit_model(family, x, y, chosen), mc.cores = CORES)
    fits <- Filter(function(fit) fit$admissible, fits)
    bics <- vapply(fits, function(fit) fit$bic, 0)
    if (!length(bics) || min(bics) >= current$bic - 1e-8) return(current)
    current <- fits[[which.min(bics)]]
    cat(family, round(current$bic, 3), current$chosen, "\n")
  }
}

# ---- run --------------------------------------------------------------------------------------------------------

model_entry <- function(fit) {
  entry <- list(selected = unname(fit$chosen), coefficients = unname(fit$coefficients),
                standard_errors = unname(fit$errors), log_likelihood = as_scalar(fit$log_likelihood),
                bic = as_scalar(fit$bic))
  if (!is.null(fit$dispersion)) entry$dispersion <- as_scalar(fit$dispersion)
  entry
}

path_entry <- function(path) {
  list(l1_share = as_scalar(path$l1_share), best = as_scalar(path$best), penalty = as_scalar(path$penalty),
       deviance = as_scalar(path$deviance), coefficients = unname(path$coefficients))
}

run <- function(work, block, out) {
  cells <- read_xy(file.path(work, "cells.csv"))
  events <- read_xy(file.path(work, "events.csv"))
  y <- events_per_cell(cells, events, block / 2)
  stopifnot(sum(y) == nrow(events))
  check_folds(y, cells[, "fold"])
  ladder <- block / 2 * 1:6
  x <- do.call(cbind, mclapply(FACTORS, function(name) {
    factor_columns(name, read_xy(file.path(work, paste0("factor_", name, ".csv"))), cells, ladder)
  }, mc.cores = CORES))
  stopifnot(!anyDuplicated(t(x)), colSums(x) > 0, colSums(x) < nrow(x))
  cat("candidates", proc.time()[["elapsed"]], "s\n")
  paths <- lapply(SHARES, function(alpha) cull_path(x, y, cells[, "fold"], alpha))
  cat("culled", proc.time()[["elapsed"]], "s\n")
  winner <- paths[[which.min(vapply(paths, function(path) path$deviance, 0))]]
  survivors <- colnames(x)[winner$coefficients > 0]
  models <- lapply(c(poisson = "poisson", nb1 = "nb1"), stepwise, x = x, y = y, pool = survivors)
  best <- names(models)[which.min(vapply(models, function(fit) fit$bic, 0))]
  cat("selected", proc.time()[["elapsed"]], "s\n")
  write_json(list(cells = as_scalar(nrow(cells)), events = as_scalar(sum(y)), candidates = colnames(x),
                  exposed = unname(colSums(x)), paths = lapply(paths, path_entry),
                  l1_share = as_scalar(winner$l1_share), penalty = as_scalar(winner$penalty), survivors = survivors,
                  models = lapply(models, model_entry), family = as_scalar(best)), out, 8)
}

arguments <- commandArgs(TRUE)
run(arguments[1], as.numeric(arguments[2]), arguments[3])
