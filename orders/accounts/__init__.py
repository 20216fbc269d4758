"""Accounts: what a customer has in the shop to pay with."""
