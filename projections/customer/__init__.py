"""What customers see: their orders, accounts and events.

Webhooks are in `projections.webhooks`, because they follow the log directly.
"""
