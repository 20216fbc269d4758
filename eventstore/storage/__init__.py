"""The shape of the log's tables on disk: one plain table, or hash partitions.

Reading and appending do not depend on it: that is `eventstore.store`.
"""
