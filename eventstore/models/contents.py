"""What a table holds: backups and the roles of the database go by it."""

from enum import StrEnum


class Contents(StrEnum):
    """What the rows of a table are. Each model of the site has an attribute `contents`, and backups go by it."""

    TRUTH = "truth"
    """They cannot be made again. A backup holds them."""
    REMADE = "made again"
    """They follow from the truth. The site makes them again."""
    PASSING = "passing"
    """They are of no use on another server, such as leases and sessions."""
