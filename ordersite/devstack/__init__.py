"""The servers of `make run`: PostgreSQL and Valkey from wheels, and a supervisor for all processes.

Production starts its own; see docs/operations.md.
"""
