"""The REST API: tokens, the customer's own data, errors, and the URLs that both read and write.

Other writing views are in `orders.http`, other reading views in `projections`.
"""
