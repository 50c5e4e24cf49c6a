"""Many cores and machines: parts, Ray, storage."""
