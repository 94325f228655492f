"""Searches: one module per analysis, with its selection, observable and features."""
