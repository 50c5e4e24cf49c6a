"""What differs between classify and read: a strategy and a Lightning module each.

A third task is one more file here, and a name in `tellapart.training.tasks.registry`.
"""
