"""Template tags of the admin's lists. The templates that use them are in `ordersite/templates/over_unfold/`."""
