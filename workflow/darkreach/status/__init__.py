"""What there is, what is missing, and what the next run would do. Changes nothing."""
