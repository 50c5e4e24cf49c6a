"""Pure numpy: scores with intervals, calibration, curves, two-sample tests, LDA, PCA."""
