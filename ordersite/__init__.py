"""The Django project: settings, URLs, the API, the admin, the demo shop, and the servers that `make run` starts."""
