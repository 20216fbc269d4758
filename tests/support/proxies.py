"""nginx and Caddy with the configurations of deploy/, in which only addresses and the certificate are replaced."""

import datetime as dt
import ipaddress
import os
import shutil
import socket
import ssl
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ordersite.devstack.processes import wait_until
from tests.support.running import ROOT, free_port

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
PROGRAMS = {name: shutil.which(name, path=PATH) for name in ("nginx", "caddy")}
each_proxy = [
    pytest.param(name, marks=pytest.mark.skipif(program is None, reason=f"needs {name}: apt-get install {name}"))
    for name, program in PROGRAMS.items()
]
"""The names of the proxies; those that are not installed are skipped."""


@dataclass
class Proxy:
    """A proxy with TLS in front of the site on port `to`."""

    name: str
    to: int
    folder: Path
    port: int = field(default_factory=free_port)
    below: str = ""
    """The path below which the site is, such as /shop."""
    removes: bool = False
    """Whether the proxy removes that path."""

    def start(self) -> "Proxy":
        """Start the proxy, and return once it accepts connections."""
        program = PROGRAMS[self.name]
        assert program
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_certificate()
        command = [program, *(self._nginx() if self.name == "nginx" else self._caddy())]
        log = (self.folder / "log").open("wb")
        environment = {**os.environ, "HOME": str(self.folder)}
        self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=environment)
        wait_until(self._accepts, f"{self.name} did not start; see {self.folder}/log")
        return self

    def stop(self) -> None:
        """Stop the proxy."""
        self.process.terminate()
        self.process.wait(30)

    def connect(self, source: str = "127.0.0.1") -> ssl.SSLSocket:
        """Return a TLS connection to the proxy from a local address."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30, source_address=(source, 0))
        return self.context.wrap_socket(plain)

    @property
    def context(self) -> ssl.SSLContext:
        """Return a context that trusts the certificate of the test."""
        context = ssl.create_default_context(cafile=str(self.folder / "certificate.pem"))
        context.check_hostname = False
        return context

    def _nginx(self) -> list[str]:
        text = (ROOT / "deploy" / "nginx.conf").read_text()
        replaced = {
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{self.port} ssl http2;",
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{self.to};",
            "/etc/ssl/shop.example.pem": f'"{self.folder}/certificate.pem"',
            "/etc/ssl/shop.example.key": f'"{self.folder}/key.pem"',
        }
        if self.below:
            target = "http://ordersite/;" if self.removes else "http://ordersite;"
            whole = "location / {\n        proxy_pass http://ordersite;"
            replaced[whole] = f"location {self.below}/ {{\n        proxy_pass {target}"
        (self.folder / "site.conf").write_text(_replace(text, replaced))
        temporary = "".join(
            f'{kind}_temp_path "{self.folder}/{kind}";\n'
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (self.folder / "nginx.conf").write_text(
            f'daemon off;\npid "{self.folder}/pid";\nerror_log stderr;\nworker_processes 1;\n'
            + ("user root;\n" if os.geteuid() == 0 else "")  # only root may see the folder of a test
            + f'events {{}}\nhttp {{\naccess_log off;\n{temporary}include "{self.folder}/site.conf";\n}}\n'
        )
        return ["-c", str(self.folder / "nginx.conf"), "-e", "stderr"]

    def _caddy(self) -> list[str]:
        text = (ROOT / "deploy" / "Caddyfile").read_text()
        certificate = f'tls "{self.folder}/certificate.pem" "{self.folder}/key.pem"'
        replaced = {
            "\n{\n": "\n{\n\tadmin off\n\tauto_https disable_redirects\n",
            "shop.example {": f"https://127.0.0.1:{self.port} {{\n\t{certificate}",
            "127.0.0.1:8000": f"127.0.0.1:{self.to}",
        }
        text = _replace(text, replaced)
        if self.below:
            directive = "handle_path" if self.removes else "handle"
            before, site = text.split("\treverse_proxy ")
            block = "reverse_proxy " + site.rstrip().removesuffix("}").rstrip()
            text = f"{before}\t{directive} {self.below}/* {{\n\t{block}\n\t}}\n}}\n"
        (self.folder / "Caddyfile").write_text(text)
        return ["run", "--config", str(self.folder / "Caddyfile"), "--adapter", "caddyfile"]

    def _accepts(self) -> bool:
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def _write_certificate(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        now = dt.datetime.now(dt.UTC)
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(address, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        (self.folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (self.folder / "key.pem").write_bytes(private)


def _replace(text: str, replaced: dict[str, str]) -> str:
    for old, new in replaced.items():
        assert old in text, f"{old!r} is not in the configuration any more"
        text = text.replace(old, new)
    return text
