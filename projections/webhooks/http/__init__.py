"""The API of webhook endpoints: for customers and for the shop's own programs.

What an endpoint is sent, and when, is decided one folder up.
"""
