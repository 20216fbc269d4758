"""Who may do what: the limits on giving access, and its record in the log. Read `powers` first, then `recording`.

Roles and their suggested permissions are in `ordersite.roles`, programs in `ordersite.service_accounts`.
"""
