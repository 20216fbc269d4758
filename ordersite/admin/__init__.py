"""The back office's own pages: commands as buttons and forms on top of the read models' lists.

The lists and pages of a read model without commands are in `projections`.
"""
