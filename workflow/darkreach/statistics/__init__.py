"""From templates to limits: signal model, HistFactory workspaces, fits, and the scan over hypotheses."""
