"""nginx with deploy's site for the control room, without root, on free loopback ports."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

import psutil

from tests.support.certificates import CertificateFiles
from tests.support.mosquitto import SERVING, free_port, is_listening
from tests.support.wait import wait_for

_MAIN = """\
{user}
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 768; }}
http {{
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log {directory}/access.log;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  log_format violation escape=none $request_body;
  include {directory}/site.conf;
  server {{ listen 127.0.0.1:{sink}; return 204; }}
}}
"""
_VIOLATIONS = """
  location = /violations {{
    access_log {directory}/violations.log violation;
    client_max_body_size 64k;
    client_body_buffer_size 64k;
    proxy_pass http://127.0.0.1:{sink};
  }}
"""


class Nginx(AbstractContextManager["Nginx"]):
    """deploy's site with the paths and ports of a test. The one addition: browsers report to it what the page's content
    policy forbids, and `violations` has that; a worker's would be seen nowhere else.

    `page` is the directory with the built page and `settings` its control-room.json; `connect` are addresses that the
    page may connect to, besides this site's own. `http_port` is the one that leads to TLS. `further` are locations that
    the site has besides. `clips_port` is where uploaded recordings are served, `operators` the list of who may see
    them.
    """

    def __init__(
        self,
        directory: Path,
        *,
        page: Path,
        settings: Path,
        web_port: int,
        files: CertificateFiles,
        port: int | None = None,
        connect: Sequence[str] = (),
        further: str = "",
        clips_port: int | None = None,
        operators: Path | None = None,
    ) -> None:
        self.port, self.http_port, self._sink = port or free_port(), free_port(), free_port()
        self.url = f"https://localhost:{self.port}/"
        self._directory = directory
        self._page, self._settings, self._web_port = page, settings, web_port
        self._files, self._connect, self._further = files, connect, further
        self._clips_port, self._operators = clips_port or free_port(), operators or directory / "operators"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        user = "user root;" if os.geteuid() == 0 else ""  # else it can't read a test's directory
        main = _MAIN.format(directory=self._directory, sink=self._sink, user=user)
        (self._directory / "nginx.conf").write_text(main)
        (self._directory / "site.conf").write_text(self._site())
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        print(f"--- log of nginx on port {self.port}\n{self.log()}")

    def start(self) -> None:
        """Start it and return when it takes connections."""
        assert self._process is None, "nginx is running"
        with (self._directory / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [program(), "-e", self._directory / "error.log", "-c", self._directory / "nginx.conf"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(self._answers, what=f"nginx on port {self.port}")
        except BaseException:
            print(self.log())
            self.stop()
            raise

    def stop(self) -> None:
        """End it at once, with all connections through it. Nothing if it is not running."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(10)

    def freeze(self) -> None:
        """Pass nothing on, with the connections open, until `thaw`."""
        for process in self._processes():
            process.suspend()

    def thaw(self) -> None:
        """Go on after `freeze`."""
        for process in self._processes():
            process.resume()

    def log(self) -> str:
        """What it has complained of so far."""
        parts = (self._directory / name for name in ("output.txt", "error.log"))
        return "".join(part.read_text(errors="replace") for part in parts if part.exists())

    def violations(self) -> list[str]:
        """What the page's content policy has forbidden so far, as the browser reports it: JSON."""
        log = self._directory / "violations.log"
        return log.read_text().splitlines() if log.exists() else []

    def _processes(self) -> list[psutil.Process]:
        assert self._process is not None, "nginx is not running"
        master = psutil.Process(self._process.pid)
        return [master, *master.children()]

    def _answers(self) -> bool:
        assert self._process is not None
        code = self._process.poll()
        assert code is None, f"nginx ended with code {code}"
        return is_listening(self.port) and is_listening(self.http_port)

    def _site(self) -> str:
        text = (SERVING / "nginx.conf").read_text()
        connect = "".join(f" {each}" for each in self._connect)
        for pattern, ours in (
            (r"^  listen \[::\]:\d+.*\n", ""),
            (r"^  listen 443 ", f"  listen 127.0.0.1:{self.port} "),
            (r"^  listen 80;", f"  listen 127.0.0.1:{self.http_port};"),
            (r"server_name broker-a\.example;", "server_name localhost;"),
            (r"ssl_certificate /[^;]+;", f"ssl_certificate {self._files.cert};"),
            (r"ssl_certificate_key /[^;]+;", f"ssl_certificate_key {self._files.key};"),
            (r"root /[^;]+;", f"root {self._page};"),
            (r"alias /[^;]+;", f"alias {self._settings};"),
            (r"http://127\.0\.0\.1:9001;", f"http://127.0.0.1:{self._web_port};"),
            (r"http://127\.0\.0\.1:9002;", f"http://127.0.0.1:{self._clips_port};"),
            (r"auth_basic_user_file /[^;]+;", f"auth_basic_user_file {self._operators};"),
            (r" wss://broker-b\.example https://registrar\.example;", f"{connect};"),
            (r"(form-action 'none')", r"\1; report-uri /violations"),
            (r"^  location = /mqtt", _VIOLATIONS.format(directory=self._directory, sink=self._sink) + r"\g<0>"),
        ):
            text, count = re.subn(pattern, ours, text, flags=re.MULTILINE)
            assert count, f"deploy's site has no {pattern}"
        return text.replace("  location = /mqtt", f"{self._further}\n  location = /mqtt", 1)


def program() -> str:
    """Debian's nginx, which is not on everybody's path."""
    found = shutil.which("nginx") or "/usr/sbin/nginx"
    assert Path(found).exists(), "no nginx: run `make browser`"
    return found
