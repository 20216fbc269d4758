"""The development stack of `make run`: PostgreSQL and Valkey from wheels, and a supervisor of all processes.

Production does not use this package; see docs/operations.md.
"""
