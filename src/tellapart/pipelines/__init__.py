"""Verbs that cross rooms: train, adapt, tune, export, prepare, diagnose, map, tracking, strength, demo."""
