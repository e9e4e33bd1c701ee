"""The service page in this process, and a phone in front of it."""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, NamedTuple

from agent.core import service_code
from agent.core.commissioning.plan import Equipment
from agent.service_page.interfaces import Place
from agent.service_page.page import Paths, serve
from agent.trust.jose_keys import PrivateKey, sign
from tests.support.wait import PATIENCE_S, wait_for
from tests.support.walking import KIOSK

CODE = "12345670"
KEPT = service_code.hashed(CODE)


class Answer(NamedTuple):
    status: int
    body: Any
    headers: Mapping[str, str]


class Phone:
    """A browser's part: it keeps its cookie, and says where it comes from."""

    def __init__(self, url: str) -> None:
        self.scheme, _, self.host = url.partition("://")
        self.cookie = ""

    def get(self, path: str, **headers: str) -> Answer:
        return self._ask("GET", path, None, headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        text = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        mine = {"Content-Type": "application/json", "Origin": f"{self.scheme}://{self.host}"}
        return self._ask("POST", path, text, {**mine, **headers})

    def enter(self, code: str = CODE) -> Answer:
        return self.post("/api/enter", {"code": code})

    def state(self, after: int = -1) -> dict[str, Any]:
        answer = self.get(f"/api/state?after={after}")
        assert answer.status == 200, answer
        state: dict[str, Any] = answer.body
        return state

    def sees(self, **wanted: Any) -> dict[str, Any]:
        """Poll until the walk shows this; return the state."""
        state = self.state()
        until_s = time.monotonic() + PATIENCE_S
        while not (state["walk"] and wanted.items() <= state["walk"].items()):
            assert time.monotonic() < until_s, f"{wanted} in {state}"
            state = self.state(state["n"])
        return state

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        connection: http.client.HTTPConnection
        if self.scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection(self.host, timeout=PATIENCE_S, context=context)
        else:
            connection = http.client.HTTPConnection(self.host, timeout=PATIENCE_S)
        try:
            sent = {"Cookie": self.cookie, **{name.replace("_", "-"): value for name, value in headers.items()}}
            connection.request(method, path, body, {name: value for name, value in sent.items() if value})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        given = dict(response.getheaders())
        if "Set-Cookie" in given:
            self.cookie = given["Set-Cookie"].partition(";")[0]
        is_json = given.get("Content-Type") == "application/json"
        return Answer(response.status, json.loads(content) if is_json and content else content, given)


class Signer:
    """The part of the page's program that signs for the technician."""

    def __init__(self, phone: Phone, key: PrivateKey) -> None:
        self.phone = phone
        self.key = key
        self._ctr = 0

    def sign(self, state: dict[str, Any], order: dict[str, Any]) -> str:
        self._ctr = max(self._ctr + 1, time.time_ns() // 1000)
        claims = {"cmd_id": order["id"], "name": order["name"], "args": order["args"], "aud": state["device"]}
        times = {"iat": state["time"], "exp": state["time"] + 120, "ctr": self._ctr, "boot_nonce": state["nonce"]}
        return sign({**claims, "iss": self.key.issuer, **times}, self.key).decode()

    def walks_to(self, step: str, asks: bool = False) -> None:
        """Sign whatever the walk orders until this step is under way, and asks if it is to ask."""
        state = self.phone.state()
        for _ in range(60):
            for order in state["orders"]:
                token = self.sign(state, order)
                assert self.phone.post("/api/orders", {"id": order["id"], "token": token}).status == 204
            walk = state["walk"] or {}
            if walk.get("step") == step and walk["state"] == "acting" and walk["asks"] is asks and not state["orders"]:
                return
            state = self.phone.state(state["n"])
        raise AssertionError(f"the walk never came to {step}: {state}")


class Page(AbstractContextManager["Page"]):
    """A page that was asked for, on the loopback interface alone."""

    def __init__(
        self,
        directory: Path,
        scheme: Literal["http", "https"] = "http",
        *,
        agent: Path | None = None,
        walk: Path | None = None,
        has: Equipment = KIOSK,
    ) -> None:
        """`agent` is the runtime directory of an agent, which asks for the page by itself; by default nobody else is
        there."""
        mine = agent or directory
        self.paths = Paths(mine / "service-page.json", mine / "tap.sock", walk or directory / "walk", directory)
        self.places = {Place("lo", "127.0.0.1", scheme)}
        self.told: list[str] = []
        self._has = has
        self._threads: list[threading.Thread] = []

    def ask(self, seconds: float = 900, opening: str = "o1") -> None:
        """Do what the core does when somebody asks."""
        until_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + int(seconds * 1e9)
        asked = {"opening": opening, "boot": "b", "until_ns": until_ns, "hash": KEPT, "https_port": 1, "http_port": 1}
        has = {**asdict(self._has), "outputs": sorted(self._has.outputs)}
        self.paths.file.write_text(json.dumps({**asked, "equipment": has}))

    def __enter__(self) -> "Page":
        if not self.paths.file.exists():
            self.ask()
        self.start()
        return self

    def start(self) -> None:
        def begun() -> int:
            return sum("://" in line or line.startswith("five wrong codes") for line in self.told)

        before = begun()
        thread = threading.Thread(target=self._serve)
        thread.start()
        self._threads.append(thread)
        wait_for(lambda: begun() > before, what="an address of the page, or why it has none")

    def phone(self) -> Phone:
        return Phone([line for line in self.told if "://" in line][-1])

    @property
    def is_over(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def __exit__(self, *_: object) -> None:
        self.paths.file.unlink(missing_ok=True)
        for thread in self._threads:
            thread.join(PATIENCE_S)
        assert self.is_over

    def _serve(self) -> None:
        serve(self.paths, find_places=lambda: self.places, any_port=True, told=self.told.append)
