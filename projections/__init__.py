"""Read models: what the log says, laid out for each audience."""
