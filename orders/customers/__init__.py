"""Customers: their name, e-mail address, and erasure.

Logins, mail and data exports are in `ordersite.customers`.
"""
