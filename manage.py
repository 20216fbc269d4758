#!/usr/bin/env python
"""Django's command line. If the servers are not running, it says how to start them."""

import os
import sys


def main() -> None:
    """Run the management command that the command line names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ordersite.settings.development")
    os.environ.setdefault("DATABASE_TIME_LIMITS", "false")  # also for the processes that a command starts
    try:
        from django.core.management import execute_from_command_line  # noqa: PLC0415
        from django.db import OperationalError  # noqa: PLC0415
        from redis.exceptions import ConnectionError as RedisConnectionError  # noqa: PLC0415
    except ImportError as error:
        sys.exit(f"{error}. Run `make install`, then use .venv/bin/python manage.py …")
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        if "connection" not in str(error):
            raise
        sys.exit(f"PostgreSQL does not answer. Type `make run` in another terminal, or set DATABASE_URL.\n({error})")
    except RedisConnectionError as error:
        sys.exit(f"Valkey does not answer. Type `make run` in another terminal, or set REDIS_URL.\n({error})")


if __name__ == "__main__":
    main()
