"""The rules of an order: one module per subject. Each rule takes a command and the order, and returns events."""
