"""The typed configuration: read, checked once, and cut into one specification per stage."""
