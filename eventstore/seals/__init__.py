"""Seals: signed Merkle roots over ranges of the log, to detect changes made by direct access to the database.

The append-only triggers, which prevent most such changes, are in the migrations.
"""
