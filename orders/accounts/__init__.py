"""Accounts: prepaid money of customers, one account per customer and currency.

What moves money between an order and an account is in `orders.processes.account_payments`.
"""
