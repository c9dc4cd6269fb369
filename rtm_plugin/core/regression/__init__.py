"""Count regression: Poisson and negative binomial likelihoods, their limit fits, the check with statsmodels."""
