"""Pages of the accounting read models in the admin.

The commands on customer accounts are added in `ordersite.admin.accounts`.
"""
