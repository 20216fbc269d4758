"""What the owner of an endpoint reads about an attempt that got no answer."""

import re
import socket
import ssl
import threading

import httpcore
import pytest
from rest_framework.test import APIClient

from projections.webhooks import sending, tasks
from tests.support.api import place
from tests.support.webhooks import ENDPOINTS, subscribe


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"SMTP ready\r\n\r\n", "the answer was not HTTP"),
        (b"", "the answer was not HTTP"),
    ],
)
def test_a_failed_attempt_says_in_plain_words_what_happened(api: APIClient, answer: bytes, text: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_once() -> None:
            connected, _ = server.accept()
            with connected, connected.makefile("rb") as request:
                head = b"".join(iter(request.readline, b"\r\n"))
                size = re.search(rb"(?i)content-length: (\d+)", head)
                # What is not read when a connection closes resets it, and the client may see that before the answer.
                request.read(int(size[1]) if size else 0)
                connected.sendall(answer)

        thread = threading.Thread(target=answer_once)
        thread.start()
        endpoint = subscribe(api, f"http://127.0.0.1:{server.getsockname()[1]}/")
        place(api)
        tasks.run()
        thread.join()
    (delivery,) = api.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries").json()["results"]
    assert delivery["attempts"][0]["problem"] == text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            ssl.SSLCertVerificationError("certificate verify failed"),
            "the certificate of the server is not valid for this host",
        ),
        (ssl.SSLError("wrong version number"), "no encrypted connection (TLS) could be made"),
        (OSError(113, "No route to host"), "no connection to the server could be made"),
        (ExceptionGroup("many", [ConnectionRefusedError(111, "no")]), "the server refused the connection"),
    ],
)
def test_a_failed_connection_says_why(error: Exception, text: str) -> None:
    failed = httpcore.ConnectError("All connection attempts failed")
    failed.__cause__ = error
    assert sending.problem_of(failed) == text
