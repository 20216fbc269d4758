"""The Django project: settings, URLs, the admin, the demo shop, and the servers that `make run` starts."""
