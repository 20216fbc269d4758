"""The web server: `python -m ordersite.serving`, which `make run` and production both start.

`limits` holds what a client may take of it, `connection` enforces that on each connection, before a thread is taken,
`application` runs the WSGI application on `threads`, and `server` starts the `processes`.
"""
