"""The REST API put together: tokens, the customer's own data, errors, and addresses that both read and write.

Writing views are in `orders.http`, reading views in `projections`.
"""
