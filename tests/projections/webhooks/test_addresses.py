"""Which addresses an endpoint may have, and that a refusal tells nothing about the shop's network."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from projections.webhooks import addresses, tasks
from projections.webhooks.networks import is_public
from tests.support.api import place, problem
from tests.support.webhook_receiver import Receiver, receiving
from tests.support.webhooks import ENDPOINTS, subscribe


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def _production(settings: Any) -> None:
    settings.WEBHOOK_PLAIN_HTTP = settings.WEBHOOK_PRIVATE_ADDRESSES = False
    settings.WEBHOOK_PORTS = [443]


REFUSED = [
    # metadata of clouds, also where they are not link-local
    *("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16"),
    *("192.0.0.192", "fe80::a9fe:a9fe"),
    # special networks
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.1", "192.0.0.9", "192.0.0.170", "192.0.2.1", "192.31.196.1", "192.52.193.1"),
    *("192.88.99.1", "192.168.255.255", "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "100::1", "2001::1", "2001:2::1", "2001:db8::1", "2001:10::1", "2001:20::1", "3fff::1", "5f00::1"),
    *("fc00::1", "fdff::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "4000::1", "2620:4f:8000::1"),
    # IPv4 addresses inside IPv6 addresses
    *("::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:168.63.129.16", "::10.0.0.1", "::ffff:0:10.0.0.1"),
    *("::8.8.8.8", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::168.63.129.16", "64:ff9b:1::8.8.8.8"),
    *("2002:a00:1::", "2002:808:808::", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    *("2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:192.168.0.1"),
]
ALLOWED = ["1.1.1.1", "8.8.8.8", "168.63.129.17", "2606:4700:4700::1111", "64:ff9b::8.8.8.8", "::ffff:1.1.1.1"]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_of_a_special_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_a_shop_can_refuse_networks_of_its_own(settings: Any, address: str) -> None:
    settings.WEBHOOK_REFUSED_NETWORKS = ["8.8.8.0/24"]
    assert not is_public(address)


HOSTS = {
    "a name that is not found": "no-such-name.invalid",
    "a name inside": "db.internal",
    "a name with a private and a public address": "both.example",
    "this machine": "localhost",
    "a private address": "10.1.2.3",
    "metadata": "169.254.169.254",
    "a name that is slow to be found": "slow.example",
    "another port": "public.example:22",
    "mail": "public.example:25",
    "plain HTTP's port": "public.example:80",
}


REAL_LOOK_UP = socket.getaddrinfo


def look_up(host: str, *more: Any, **fields: Any) -> list[Any]:
    """Answer like a resolver that also knows names inside."""
    found = {"db.internal": ["10.0.0.5"], "both.example": ["1.1.1.1", "10.0.0.5"], "public.example": ["1.1.1.1"]}
    found |= {"localhost": ["127.0.0.1"], "10.1.2.3": ["10.1.2.3"], "169.254.169.254": ["169.254.169.254"]}
    if host == "slow.example":
        time.sleep(2)
    if host == "127.0.0.1":  # the test's own servers
        return REAL_LOOK_UP(host, *more, **fields)
    if host not in found:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in found[host]]


@pytest.mark.usefixtures("_production")
def test_whatever_is_wrong_with_a_host_the_answer_is_the_same(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(addresses, "LOOK_UP_SECONDS", 0.5)
    answers = {}
    for what, host in HOSTS.items():
        refused = problem(api.post(ENDPOINTS, {"url": f"https://{host}/"}, format="json"), 400, "invalid")
        answers[what] = [(error["code"], error["message"]) for error in refused["errors"]]
    (only,) = {str(each) for each in answers.values()}
    assert "url_refused" in only
    accepted = api.post(ENDPOINTS, {"url": "https://public.example/"}, format="json")
    assert accepted.status_code == 201


@pytest.mark.usefixtures("_production")
def test_a_refusal_does_not_come_sooner_if_the_name_is_known_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(addresses, "LOOK_UP_SECONDS", 0.5)
    for host in ("no-such-name.invalid", "db.internal", "slow.example"):
        began = time.monotonic()
        with pytest.raises(addresses.AddressRefused):
            addresses.require_allowed(f"https://{host}/")
        assert time.monotonic() - began >= 0.5, host


def test_an_attempt_shows_the_same_problem_for_every_host_that_must_not_be_called(
    api: APIClient, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_PLAIN_HTTP = True
    urls = [f"https://{host}/" for host in HOSTS.values() if host != "slow.example"]
    monkeypatch.setattr(addresses, "require_allowed", lambda url: None)
    created = [subscribe(api, url) for url in urls]
    place(api)
    settings.WEBHOOK_PRIVATE_ADDRESSES, settings.WEBHOOK_PORTS = False, [443]
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    tasks.run()
    problems = {
        api.get(f"{ENDPOINTS}/{each['id']}/deliveries").json()["results"][0]["attempts"][0]["problem"]
        for each in created
    }
    assert len(problems) == 1, problems


@pytest.mark.parametrize("said", [b"220 mail.inside ESMTP Postfix\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"X" * 300])
def test_what_a_server_says_is_not_shown(api: APIClient, said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def say() -> None:
            connected, _ = server.accept()
            with connected:
                connected.sendall(said)
                connected.recv(65536)

        thread = threading.Thread(target=say)
        thread.start()
        endpoint = subscribe(api, f"http://127.0.0.1:{server.getsockname()[1]}/")
        place(api)
        tasks.run()
        thread.join()
    deliveries = api.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries").content
    assert said.strip()[:12] not in deliveries


def test_a_page_of_an_answer_is_not_shown(api: APIClient, receiver: Receiver) -> None:
    receiver.answers = [500]
    endpoint = subscribe(api, receiver.url)
    place(api)
    tasks.run()
    (delivery,) = api.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries").json()["results"]
    assert [(each["status"], each["problem"]) for each in delivery["attempts"]] == [(500, "")]


@pytest.mark.usefixtures("_production")
def test_a_name_that_changes_its_address_after_the_check_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection goes to the address of the one look-up that was checked: there is no second one."""
    looked_up = []

    def rebind(host: str, *more: Any, **fields: Any) -> list[Any]:
        looked_up.append(host)
        address = "1.1.1.1" if len(looked_up) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]

    monkeypatch.setattr(socket, "getaddrinfo", rebind)
    assert addresses.look_up("rebind.example", 443) == ["1.1.1.1"]
    with pytest.raises(addresses.AddressRefused):
        addresses.look_up("rebind.example", 443)
