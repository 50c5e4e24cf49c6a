"""ASGI middleware: who may ask, and an even share of connections for each process."""
