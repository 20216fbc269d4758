"""The engine that keeps read models up to date: checkpoints, folding, set-wise writes, shards, parked events.

The engine imports no audience. Rebuilding beside the live tables is in `projections.rebuild`.
"""
