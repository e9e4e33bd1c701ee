"""An authority for time stamps (RFC 3161) on this machine, by `openssl ts`."""

import subprocess
import threading
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_CONFIGURATION = """\
[tsa]
serial = {directory}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""
_EXTENSIONS = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Stamping(AbstractContextManager["Stamping"]):
    """`url` is where it stamps, `root` what it is known by."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self.root = directory / "root.pem"
        self.is_lying = False
        """Whether it answers with what is no stamp."""
        (directory / "tsa.cnf").write_text(_CONFIGURATION.format(directory=directory))
        (directory / "serial").write_text("01\n")
        (directory / "extensions").write_text(_EXTENSIONS)
        self._run("req", "-x509", *_KEY, "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=root", "-days", "2")
        self._run("req", *_KEY, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=tsa")
        issuer = ("-CA", "root.pem", "-CAkey", "root.key", "-extfile", "extensions", "-days", "1")
        self._run("x509", "-req", "-in", "tsa.csr", "-out", "tsa.pem", *issuer)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, name="stamping")
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def stamp(self, query: bytes) -> bytes:
        if self.is_lying:
            return b"no stamp"
        (self._directory / "query").write_bytes(query)
        signer = ("-signer", "tsa.pem", "-inkey", "tsa.key", "-config", "tsa.cnf", "-section", "tsa")
        self._run("ts", "-reply", "-queryfile", "query", "-out", "reply", *signer)
        return (self._directory / "reply").read_bytes()

    def _run(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self._directory, check=True, capture_output=True)

    def _handler(self) -> Any:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                stamp = authority.stamp(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", str(len(stamp)))
                self.end_headers()
                self.wfile.write(stamp)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
