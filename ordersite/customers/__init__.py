"""Customers and their logins: registration, address changes, e-mail, export and erasure.

The rules for a customer's record are in `orders.customers`, the read models for customers in `projections.customer`.
"""
