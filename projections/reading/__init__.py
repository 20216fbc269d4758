"""How read models are read: the row cache, notifications, read-your-writes, replicas, and query parameters.

The engine (`projections.engine`) writes the rows.
"""
