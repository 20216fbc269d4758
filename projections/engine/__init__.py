"""The engine that keeps read models up to date: checkpoints, folding, set-wise writing, shards, parking.

It knows no audience; rebuilding beside the live tables is `projections.rebuild`.
"""
