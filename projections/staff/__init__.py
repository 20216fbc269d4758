"""What staff see: the order list, the order's page and its timeline.

Commands are not here: `ordersite.admin` adds them.
"""
