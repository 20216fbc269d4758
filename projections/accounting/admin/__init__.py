"""Admin pages of the accounting read models.

`ordersite.admin.accounts` adds the commands on customer accounts.
"""
