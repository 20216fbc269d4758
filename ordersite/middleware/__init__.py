"""Middleware of the whole site: request ids, language, rate and size limits, and the cache's fast path.

The order in which they run stands in `ordersite.settings.base`.
"""
