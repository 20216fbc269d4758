"""Middleware of the whole site: request ids, language, rate and size limits, cached orders and replica reads.

Their order is set in `ordersite.settings.base`.
"""
