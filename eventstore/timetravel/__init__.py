"""An aggregate as it was at a version or a moment, and bringing it back to that by appending events.

Whole read models as of a moment are built by `projections.rebuild`.
"""
