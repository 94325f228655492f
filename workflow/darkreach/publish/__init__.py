"""What leaves the workflow: limit tables, figures, workspaces and the report."""
