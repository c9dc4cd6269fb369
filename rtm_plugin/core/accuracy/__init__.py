"""How good a map is: ranking, hit rates, calibration, resampling, folds and back-tests."""
