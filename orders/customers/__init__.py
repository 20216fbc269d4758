"""Customers: who they are, as far as the shop remembers it."""
