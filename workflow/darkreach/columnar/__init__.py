"""Columnar processing: candidates of a block to histograms, histograms of all blocks to templates."""
