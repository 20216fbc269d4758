"""How the log's table is stored: as one plain table, or as hash partitions; the sizes of its events; and leases.

`eventstore.store` reads and appends without knowing which.
"""
