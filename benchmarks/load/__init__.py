"""`make load`: customers and staff on a separate site, and checks of the result."""
