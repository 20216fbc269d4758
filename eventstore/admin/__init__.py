"""Read-only pages of the log in the Django admin, and lists that stay fast on tables of any size.

The site's permissions are in `ordersite.roles`, its menus in `ordersite.admin`.
"""
