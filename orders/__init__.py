"""Orders: what a shop may do with one, in plain Python."""
