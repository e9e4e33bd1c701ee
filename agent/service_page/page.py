"""Runs the page for one opening: from the file that asks for it until that is gone, or its time is up."""

import logging
import os
import ssl
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from agent.core.errors import EdgeAgentError
from agent.service_page import interfaces
from agent.service_page.api import Api
from agent.service_page.asked import CERTIFICATE, Asked, read_asked
from agent.service_page.entrance import Entrance
from agent.service_page.interfaces import Place
from agent.service_page.views import Views
from agent.service_page.walking import Walking
from agent.service_page.web import Server

STATIC = Path(__file__).parent / "static"
BY_HAND = "edge-agent-page.pem"
"""The credential that may hold key and certificate of ID.local. Those of enrolment: see `asked.CERTIFICATE`."""
_LOOK_S = 1.0
_OPENSSL_S = 30.0

log = logging.getLogger(__name__)


class Paths(NamedTuple):
    """What the page touches on this machine."""

    file: Path
    """Asks for the page."""
    tap: Path
    walk: Path
    """The directory that keeps the walk."""
    own: Path
    """The page's own directory, in memory."""


def serve(
    paths: Paths,
    *,
    find_places: Callable[[], set[Place]] = interfaces.places,
    any_port: bool = False,
    told: Callable[[str], object] = log.info,
) -> None:
    """Serve until nobody asks for the page any more. Without anybody who does, nothing is opened. Main thread.

    `any_port` lets the kernel choose, for tests; `told` is given each address."""
    asked = read_asked(paths.file)
    if asked is None:
        told("nobody asks for the service page")
        return
    entrance = Entrance(asked.opening, asked.hash, paths.own / "tries")
    walking = Walking(paths.tap, paths.walk, asked.opening)
    over = threading.Event()
    api = Api(entrance, walking, Views(paths.file.parent), over.is_set)
    agent = threading.Thread(
        target=walking.run, args=(lambda: walking.tell(event="wrong-codes", count=entrance.wrong),), name="tap"
    )
    agent.start()
    with ExitStack() as stack:
        stack.callback(agent.join)
        stack.callback(walking.close)
        stack.callback(over.set)
        servers = _Servers(asked, api, paths, any_port=any_port, told=told)
        stack.callback(servers.close)
        is_told = is_alone = has_begun = False
        while (now := read_asked(paths.file)) is not None and now.opening == asked.opening:
            # Five wrong codes leave it with no port open; if it ended, the service manager would begin it again.
            walking.follow(now)
            found = set() if entrance.is_shut else find_places()
            trouble = servers.follow(found)
            if not has_begun:
                walking.tell(event="serves", trouble=trouble)
                has_begun = True
            if not found and not entrance.is_shut and not is_alone:
                told("no phone can reach it: there is no private network address on cable, Wi-Fi or USB")
            is_alone = not found
            if entrance.is_shut and not is_told:
                told("five wrong codes: it is closed")
                is_told = True
            over.wait(_LOOK_S)
        told("nobody asks for the service page any more")


class _Servers:
    """A server for each place, as cables come and go. One thread."""

    def __init__(self, asked: Asked, api: Api, paths: Paths, *, any_port: bool, told: Callable[[str], object]) -> None:
        self._asked = asked
        self._api = api
        self._paths = paths
        self._any_port = any_port
        self._told = told
        self._tls: ssl.SSLContext | None = None
        self._servers: dict[Place, Server] = {}

    def follow(self, places: set[Place]) -> str:
        """Listen at these places and at no other; return why there is none of them, empty if there is one."""
        wrong = []
        for place in self._servers.keys() - places:
            self._end(place)
        for place in places - self._servers.keys():
            try:
                self._begin(place)
            except (OSError, EdgeAgentError) as error:
                log.warning("no page at %s://%s: %s", place.scheme, place.address, error)
                why = getattr(error, "strerror", None) or error
                wrong.append(f"{place.scheme}://{place.address} ({place.interface}): {why}")
        return "" if self._servers else "; ".join(sorted(wrong))

    def close(self) -> None:
        """Listen nowhere."""
        for place in [*self._servers]:
            self._end(place)

    def _begin(self, place: Place) -> None:
        asked = self._asked
        tls = None
        if place.scheme == "https":
            tls = self._tls = self._tls or self._with_certificate()
        port = asked.http_port if tls is None else asked.https_port
        server = Server(place, 0 if self._any_port else port, asked.device_id, STATIC, self._api, tls)
        self._servers[place] = server
        threading.Thread(target=server.serve_forever, args=(_LOOK_S / 4,), name=place.interface).start()
        self._told(f"{place.scheme}://{place.address}:{server.port}")

    def _with_certificate(self) -> ssl.SSLContext:
        """Return the context of a server with the certificate that the office has given, else with one made now."""
        host = f"{self._asked.device_id}.local"
        given = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / BY_HAND
        for file in (given, self._paths.file.with_name(CERTIFICATE)):
            try:
                if file.exists():
                    context = _context(file)
                    self._told(f"the office vouches for {host}")
                    self._api.door = {"host": host, "vouched": True}
                    return context
            except (OSError, ssl.SSLError) as error:
                log.warning("%s can't be used: %s", file, error)
        context = _context(_made(host, self._paths.own))
        self._told("it has a certificate of its own, which no phone knows")
        self._api.door = {"host": host, "vouched": False}
        return context

    def _end(self, place: Place) -> None:
        server = self._servers.pop(place)
        server.shutdown()
        server.server_close()


def _context(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(file)
    return context


def _made(name: str, own: Path) -> Path:
    """Make a key and a certificate that nobody vouches for. It lives as long as the process's own directory."""
    file = own / "made.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "30",
    ]
    command += ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", "-", "-out", "-"]
    try:
        made = subprocess.run(command, capture_output=True, check=True, timeout=_OPENSSL_S).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise EdgeAgentError(f"openssl makes no certificate: {error}") from error
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(made)
    return file
