"""Customers as people with a login: registration, address changes, e-mail, export and erasure.

The rules of a customer's record are in `orders.customers`; what they see is in `projections.customer`.
"""
