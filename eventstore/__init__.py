"""An append-only event log and the write path to it. It knows nothing about orders.

The core is at the top: messages, deciders, `dispatch`, and the store with its SQL. The folders are add-ons. The core
never imports them, except for the limits of what is accepted, and the encryption of personal data.
"""
