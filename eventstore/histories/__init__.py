"""Histories as files: export, import, pseudonyms, and a history written as a runnable test.

Orders in a shop's own file layouts are imported by `ordersite.importing`, as commands.
"""
