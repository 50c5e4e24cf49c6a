"""Audit, findings, review page, clean: what is wrong with a dataset, and what stays of it."""
