"""Django's own backend for PostgreSQL, but for how a kept connection is found to be alive."""
