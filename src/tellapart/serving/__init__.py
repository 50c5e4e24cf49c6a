"""Bundles over HTTP: app, batching, registry, feedback store, middleware, page. No torch."""
