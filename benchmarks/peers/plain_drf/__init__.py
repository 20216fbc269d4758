"""A separate project with plain Django REST framework: two tables, written and read as its documentation shows.

`DATABASE_URL` names its database. `python -m benchmarks.peers.plain_drf` creates the tables and a user.
"""
