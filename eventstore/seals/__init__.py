"""Seals: signed Merkle roots over ranges of the log, so that a change behind the log's back is found.

The append-only triggers, which refuse such a change in the first place, are in the migrations.
"""
