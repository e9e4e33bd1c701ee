"""libest's example server, which somebody else wrote, with an authority of its own."""

import os
import shutil
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

import pytest

from tests.support.mosquitto import free_port, is_listening
from tests.support.wait import wait_for

LOGIN = ("estuser", "estpwd")
"""The one that it knows."""
_CA = """\
[ca]
default_ca = own
[own]
dir = {directory}
new_certs_dir = {directory}/new
database = {directory}/index.txt
serial = {directory}/serial
certificate = {directory}/ca.pem
private_key = {directory}/ca.key
default_md = sha256
default_days = 30
policy = policy
unique_subject = no
x509_extensions = device
copy_extensions = copy
email_in_dn = no
[policy]
commonName = supplied
serialNumber = optional
[device]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
[req]
distinguished_name = name
prompt = no
[name]
CN = An EST server's authority
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[server]
subjectAltName = DNS:localhost
extendedKeyUsage = serverAuth
"""


class EstServer(AbstractContextManager["EstServer"]):
    """One server on a free loopback port. It takes any name from whoever has `LOGIN`, or a certificate of its own."""

    def __init__(self, directory: Path) -> None:
        (directory / "new").mkdir(parents=True)
        self.directory = directory
        self.ca = directory / "ca.pem"
        self.port = free_port()
        (directory / "ca.cnf").write_text(_CA.format(directory=directory))
        (directory / "index.txt").touch()
        (directory / "serial").write_text("1000\n")
        new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "ca.cnf")
        self._openssl("req", "-x509", *new, "-extensions", "root", "-keyout", "ca.key", "-out", "ca.pem")
        self._openssl("req", *new, "-keyout", "server.key", "-out", "server.csr")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-extfile", "ca.cnf", "-extensions", "server")
        self._openssl("x509", "-req", "-in", "server.csr", *signed, "-out", "server.pem")

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://localhost:{self.port}"

    def __enter__(self) -> Self:
        if shutil.which("estserver") is None:
            pytest.skip("no estserver: on Debian 13 run `make est-tools`")
        files = {
            "EST_TRUSTED_CERTS": "ca.pem",
            "EST_CACERTS_RESP": "ca.pem",
            "EST_OPENSSL_CACONFIG": str(self.directory / "ca.cnf"),
        }
        # Without -t it does not want the request bound to the TLS session, which Python's ssl can't do on TLS 1.3.
        words = ["estserver", "-c", "server.pem", "-k", "server.key", "-r", "realm", "-o", "-p", str(self.port)]
        with (self.directory / "output.txt").open("wb") as output:
            self._process = subprocess.Popen(
                words,
                cwd=self.directory,
                env={**os.environ, **files},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            wait_for(lambda: is_listening(self.port), what="estserver")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(10)
        print((self.directory / "output.txt").read_text(errors="replace"))

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.directory, check=True, capture_output=True, timeout=60)
