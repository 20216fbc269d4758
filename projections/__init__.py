"""Read models: what the log says, laid out for each audience, and the engine that keeps them up to date.

Read models know the events of `orders`, never its rules.
"""
