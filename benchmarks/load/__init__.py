"""`make load`: customers and staff on a site of their own, and what holds after them."""
