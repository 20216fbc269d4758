"""How the log's table is stored: as one plain table, or as hash partitions; and the leases of such long work.

`eventstore.store` reads and appends without knowing which.
"""
