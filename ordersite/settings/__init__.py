"""Settings: `development` for `make run`, `production` for a deployed shop; both extend `base`.

Everything that differs between two shops comes from the environment. docs/operations.md lists it.
"""
