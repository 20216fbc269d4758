"""Webhooks: customers' endpoints, and the signed messages sent there, fed by the log.

What a customer may be told of an event is decided in `projections.customer.public_events`.
"""
