"""Batched HistFactory fits, limits and toys in NumPy; pyhf is the referee, not a dependency."""
