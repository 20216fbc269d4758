"""What staff see: the list of orders, the page of an order, and its timeline.

`ordersite.admin` adds the commands.
"""
