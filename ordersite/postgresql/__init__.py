"""Django's PostgreSQL backend with a cheaper check that a persistent connection is alive."""
