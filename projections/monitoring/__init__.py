"""The state of the read models: how far behind they are, what is parked, and whether rows follow from the log.

The pages that show it are in `projections.admin`.
"""
