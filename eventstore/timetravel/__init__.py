"""Load an aggregate as of a version or a moment, and restore it to an earlier version by appending events.

`projections.rebuild` builds whole read models as of a moment.
"""
