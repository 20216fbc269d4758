"""The command queue: commands that are accepted now and done later by a worker, each exactly once.

The API (`orders.http`) decides which commands are queued. The rules of the commands are elsewhere.
"""
