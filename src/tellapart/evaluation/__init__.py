"""A bundle on data: figures, report pages, drift, embedding map. No torch."""
