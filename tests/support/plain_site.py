"""A WSGI application without Django, which shows what the web server gives it and how it is run."""

import io
import os
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from ordersite.serving.clients import OWNER, TOO_MANY, Clients

BIG = b"0123456789abcdef" * 1_000_000  # more than any buffer of the kernel holds
finished: list[str] = []
"""The path of each answer that was closed."""


class Stream:
    """Pieces without an end, and a note of when the server closed it."""

    def __iter__(self) -> Iterator[bytes]:
        while True:
            time.sleep(0.05)
            yield b"x" * 50

    def close(self) -> None:
        finished.append("/stream")


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one of the paths below."""
    path = environ["PATH_INFO"]
    headers = [("Content-Type", "text/plain")]
    if path == "/stream":
        start_response("200 OK", headers)
        return Stream()
    if path == "/file":
        start_response("200 OK", [*headers, ("Content-Length", str(len(BIG)))])
        return environ["wsgi.file_wrapper"](io.BytesIO(BIG))  # type: ignore[no-any-return]  # by PEP 3333
    if path == "/error":
        raise RuntimeError("this application fails")
    if path == "/broken":
        start_response("200 OK", headers)
        return _break_off()
    if path == "/sleep":
        time.sleep(float(environ["QUERY_STRING"]))
    body = BIG if path == "/big" else _text(path, environ)
    start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
    return [body]


class SharedSite:
    """The same for a server that gives each client a share. `X-Token` names the account before its hyphen.

    `/hold` answers after `/release`.
    """

    def __init__(self) -> None:
        self.released = threading.Event()
        self.clients = Clients(
            credential_of=lambda environ: environ.get("HTTP_X_TOKEN", ""),
            address_of=lambda environ: environ.get("HTTP_X_PLACE", "here"),
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if TOO_MANY in environ:
            start_response("429 Too Many Requests", [("Retry-After", "2"), ("Content-Length", "0")])
            return [b""]
        environ[OWNER] = environ.get("HTTP_X_TOKEN", "").partition("-")[0]
        if environ["PATH_INFO"] == "/hold":
            self.released.wait(60)
        if environ["PATH_INFO"] == "/release":
            self.released.set()
        return application(environ, start_response)


shared_application = SharedSite()


def _break_off() -> Iterator[bytes]:
    yield b"the first part"
    raise RuntimeError("this answer fails in the middle")


def _text(path: str, environ: WSGIEnvironment) -> bytes:
    answers: dict[str, Any] = {
        "/body": environ["wsgi.input"].read,
        "/environ": lambda: "\n".join(f"{key}={value}" for key, value in environ.items()),
        "/finished": lambda: " ".join(finished),
        "/threads": lambda: sum(thread.name.startswith("request-") for thread in threading.enumerate()),
        "/pid": os.getpid,
    }
    answer = answers.get(path, lambda: path)()
    return answer if isinstance(answer, bytes) else str(answer).encode("utf-8", "surrogateescape")
