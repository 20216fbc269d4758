"""An append-only log of events, and the write path to it: it has never heard of an order.

The core is at the top: messages, deciders, `dispatch`, and the store with its SQL. The folders are add-ons that the
core never imports.
"""
