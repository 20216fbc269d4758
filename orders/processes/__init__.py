"""Process managers of orders: they send commands when events happen, now or at a deadline.

`eventstore.followers.process_managers` runs them.
"""
