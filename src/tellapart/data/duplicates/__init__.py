"""Near-duplicates: hashing finds candidates, registration proves them."""
