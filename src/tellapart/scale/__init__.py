"""The same work on many cores or machines: parts of the data, Ray, and storage that all can see."""
