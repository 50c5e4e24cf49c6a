"""What differs between classify, read and tag: a strategy and a Lightning module each.

A further task is one more file here, and a name in `tellapart.training.tasks.registry`.
"""
