"""Management commands of the log, one module each."""
