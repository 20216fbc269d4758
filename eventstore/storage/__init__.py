"""How the log's table is stored: as one plain table, or as hash partitions.

`eventstore.store` reads and appends without knowing which.
"""
