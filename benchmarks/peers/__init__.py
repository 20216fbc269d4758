"""The peers that ours is compared with, each set up as its own documentation says."""
