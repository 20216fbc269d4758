"""Process managers of the shop: what it does by itself when something happens to an order.

The engine that runs them is `eventstore.followers.process_managers`.
"""
