"""The read endpoints of the customer API: orders, events, and the event stream.

The write endpoints are in `orders.http`.
"""
