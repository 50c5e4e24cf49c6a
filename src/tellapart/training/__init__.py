"""Config to weights in a run folder: models, tasks, callbacks, loop, ensemble, search space. Torch begins here."""
