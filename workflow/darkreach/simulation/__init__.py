"""Event generation and detector response."""
