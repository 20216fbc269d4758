"""The reading side of the customer's API: orders, events and their stream.

The writing side is in `orders.http`.
"""
