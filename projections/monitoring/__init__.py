"""How the read models are doing: how far behind, what is parked, and whether rows still follow from the log.

Pages for it are in `projections.admin`.
"""
