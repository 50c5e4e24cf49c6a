"""Labelled images: layouts to catalog, duplicates, split, resampling, summary, tidy."""
