"""Encrypt personal fields of events under a key of their subject, and erase a subject by destroying that key.

Which fields are personal is declared with the events (`eventstore.messages`).
"""
