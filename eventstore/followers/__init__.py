"""Programs that read the log from a checkpoint of their own: consumers, process managers, the correlation index.

Projections read the log too, but with their own engine: `projections.engine`.
"""
