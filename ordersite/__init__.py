"""The Django project that puts everything together: settings, URLs, the API, the admin, imports and the demo shop.

Rules are not here (`orders`), nor read models (`projections`), nor the log (`eventstore`).
"""
