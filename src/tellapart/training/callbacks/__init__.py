"""Lightning callbacks: the history of epochs, the time of a training."""
