"""Manifests: what each block contains, and the account of runs and luminosity."""
