"""Histories of aggregates as files: export, import, pseudonyms, and export as a runnable test.

`ordersite.importing` imports orders from a shop's own file formats; it sends commands.
"""
