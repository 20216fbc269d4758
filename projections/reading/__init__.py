"""What readers need: the row cache, notifications, read-your-writes, and replicas.

Writing rows is the engine's (`projections.engine`).
"""
