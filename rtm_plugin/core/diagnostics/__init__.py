"""Whether a fitted model fits: what its residuals leave, how it predicts, and what it owes to single cells."""
