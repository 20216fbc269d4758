"""Helpers of the project itself. Nothing here runs in production."""
