"""The OpenAPI description: hooks for drf-spectacular, links between operations, and examples.

The examples are made by running one order through the real rules.
"""
