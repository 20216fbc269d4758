"""An append-only log of events that knows nothing of what is logged."""
