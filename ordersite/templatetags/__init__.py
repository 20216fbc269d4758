"""Template tags of the admin's lists."""
