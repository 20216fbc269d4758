"""Accounts: prepaid money of customers, one account per customer and currency."""
