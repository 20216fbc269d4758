"""The command queue: commands accepted now and done later by a worker, each exactly once.

The wish to answer later comes from an edge (`orders.http`); the rules of a command are not here.
"""
