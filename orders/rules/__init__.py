"""The rules of an order, a file for each thing that is done with one."""
