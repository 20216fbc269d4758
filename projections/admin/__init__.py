"""Pages for operators of read models, and what the lists of all audiences share.

Each audience's own pages are in its folder.
"""
