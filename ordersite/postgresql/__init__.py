"""Django's PostgreSQL backend with a cheaper check that a persistent connection is alive.

How the site connects is in `ordersite.settings.connections`.
"""
