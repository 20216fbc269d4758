"""HTTP to command: what the API's writing side reads from a request, and how a command's answer is told.

The reading side is in `projections`; addresses that do both are put together in `ordersite.api`.
"""
