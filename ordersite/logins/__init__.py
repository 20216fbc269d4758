"""How people log in and stay logged in: passwords, second factors, the time a session lasts, and the list of all of it.

What they may do then is in `ordersite.access`. The tokens of the API are in `ordersite.api`.
"""
