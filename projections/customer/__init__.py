"""What customers see: their orders, accounts and events.

Webhooks are not here: they are fed by the log (`projections.webhooks`).
"""
