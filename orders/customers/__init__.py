"""Customers: their name, email address, and erasure."""
