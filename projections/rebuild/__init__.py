"""Rebuild a read model beside the live tables, compare, and swap it in; or build it as of a moment.

Keeping a live one up to date is `projections.engine`.
"""
