"""Programs that follow the log from a checkpoint of their own: consumers, process managers, the causality index.

Projections follow it too, with an engine of their own: `projections.engine`.
"""
