"""Plain Django REST framework, a project of its own: two tables, written and read as its documentation has it.

`DATABASE_URL` names its database; `python -m benchmarks.peers.plain_drf` makes the tables and somebody who may ask.
"""
