"""Dark-sector models: what each predicts for its coupling (cross-section, widths, lifetime, (g−2)μ)."""
