"""The order domain in plain Python: events, commands, rules and states of orders, accounts and customers.

Only `apps.py` and the folders `http` and `processes` use Django or the log.
"""
