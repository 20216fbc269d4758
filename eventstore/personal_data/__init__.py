"""Personal data: fields encrypted in the log under a key of their subject, and the erasure of that key.

Which fields are personal is declared with the events (`eventstore.messages`).
"""
