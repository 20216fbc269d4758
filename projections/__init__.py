"""The read models, one folder for each audience, and the engine that keeps them up to date with the log.

Read models import the events of `orders`, never its rules.
"""
