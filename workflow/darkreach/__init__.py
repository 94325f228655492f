"""From B-factory ntuples to dark-sector limits."""

__version__ = "0.1.0"
