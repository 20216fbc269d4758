"""The OpenAPI description: hooks for drf-spectacular, links between operations, and examples.

The examples come from one order that is run through the real rules.
"""
