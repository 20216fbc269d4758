"""Pages of the log in the Django admin, read-only, and lists that cost the same however large a table grows.

The permissions and menus of the site are not here: see `ordersite.roles` and `ordersite.admin`.
"""
