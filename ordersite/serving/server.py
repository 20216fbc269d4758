"""Start the processes of the web server, from the environment: docs/operations.md lists the variables."""

import argparse
import importlib
import logging
import os
import resource
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE

from ordersite.serving.application import Application
from ordersite.serving.connection import Connection, Watch
from ordersite.serving.limits import BadLimit, Limits, read_count, read_limits
from ordersite.serving.processes import Processes, configure_logging

APPLICATION = "ordersite.wsgi:application"
_NAME = "WEB_APPLICATION"  # how the processes learn which application they serve
SPARE_FILES = 500  # open files of a process that are not connections of clients
UNACKNOWLEDGED = 30_000  # ms after which the kernel gives up a client that acknowledges nothing
logger = logging.getLogger(__name__)


def main() -> None:
    """Serve until a stop signal. Exits with a message if a variable of the environment makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m ordersite.serving", description=main.__doc__)
    parser.add_argument("application", nargs="?", default=APPLICATION, help=f"WSGI application: {APPLICATION}")
    parser.add_argument(
        "--host", default=os.environ.get("WEB_HOST", "127.0.0.1"), help="address: WEB_HOST, or 127.0.0.1"
    )
    parser.add_argument("--port", default=os.environ.get("WEB_PORT", "8000"), help="port: WEB_PORT, or 8000")
    options = parser.parse_args()
    os.environ[_NAME] = options.application
    configure_logging()
    try:
        limits, config = read_limits(), _config(options.host, read_count("WEB_PORT", 8000, {"WEB_PORT": options.port}))
    except BadLimit as error:
        sys.exit(f"ordersite: {error}")
    _allow_files(limits)
    listener = config.bind_socket()
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # inherited by connections; it also ends what the site has closed already
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED)
    sys.exit(Processes(config, listener).run())


def create_application() -> Application:
    """Return the ASGI application of a process. Ends the process, and so the server, if the application cannot load."""
    limits = read_limits()
    Connection.watch = Watch(limits)
    with ThreadPoolExecutor(1) as thread:  # Django lets nothing use the database where an event loop runs
        loading = thread.submit(_load, os.environ.get(_NAME, APPLICATION))
    try:
        threads = _threads()
        return Application(
            loading.result(),
            threads=threads,
            body_bytes=limits.body_bytes,
            each=_each(threads),
            waiting=read_count("WEB_WAITING_EACH", 100),
        )
    except Exception:  # any: starting the process again would not help
        logger.exception("the web application cannot be loaded")
        sys.exit(STARTUP_FAILURE)


def _load(application: str) -> Any:
    module, _, name = application.partition(":")
    return getattr(importlib.import_module(module), name)


def _threads() -> int:
    # An open event stream holds a thread, so the threads for streams are added to those that answer requests.
    return read_count("WEB_THREADS", 4) + read_count("EVENT_STREAMS", 8, least=0)


def _each(threads: int) -> int:
    """Return the share of one client: a third of the threads, if the environment does not say another.

    Streams hold threads too. Those of an account leave it two threads for its other requests.
    """
    third = max(1, threads // 3)
    if read_count("EVENT_STREAMS", 8, least=0):
        third = max(third, read_count("EVENT_STREAMS_EACH", 2, least=0) + 2)
    return read_count("WEB_THREADS_EACH", third)


def _config(host: str, port: int) -> Config:
    _each(_threads())  # a mistake is told once, here, and not by each process
    read_count("WEB_WAITING_EACH", 100)
    recycle = read_count("WEB_MAX_REQUESTS", 0, least=0)
    return Config(
        "ordersite.serving.server:create_application",
        factory=True,
        interface="asgi3",
        http=Connection,
        ws="none",
        lifespan="off",
        host=host,
        port=port,
        workers=read_count("WEB_WORKERS", 2),
        access_log=os.environ.get("WEB_ACCESS_LOG", "").lower() in ("1", "true", "on", "yes"),
        log_config=None,  # that of Django
        server_header=False,
        proxy_headers=False,  # the site reads X-Forwarded-For itself, as far as NUM_PROXIES says
        limit_max_requests=recycle or None,
        limit_max_requests_jitter=recycle // 10,
        timeout_keep_alive=3600,  # uvicorn's own clock stops at a blank line; `Connection` has a better one
        timeout_graceful_shutdown=read_count("WEB_STOP_SECONDS", 10),
    )


def _allow_files(limits: Limits) -> None:
    """Let the processes open as many files as they may have connections. Logs a warning if the system does not."""
    needed = limits.connections + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        logger.warning("%d open files are allowed: raise the limit to %d, or lower WEB_CONNECTIONS", allowed, needed)
