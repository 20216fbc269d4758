"""The order domain in plain Python: events, commands, rules and states of orders, accounts and customers.

Only the folders `http` and `processes` know of Django or the log.
"""
