"""Admin pages for operators of read models, and what the lists of all audiences share.

The pages of each audience are in its own package.
"""
