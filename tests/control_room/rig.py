"""All that stands between a press and an operator: broker, nginx, agent and browser, each the real one, with what
deploy/ installs at a site."""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Playwright, sync_playwright

from agent.trust.jose_keys import PrivateKey
from edge_centre.key_files import make_key
from tests.support.agent_process import AGENT, BUTTON, USER, AgentProcess
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto, free_port
from tests.support.nginx import Nginx
from tests.support.subscriber import Subscriber

OPERATOR, PASSWORD = "thandi", "correct horse battery"
SECOND = "sipho"
"""Another login, with the same password."""
FLEET = "fleet"
"""The name in a certificate that may say and hear everything: tests.control_room.fleet plays every device with it."""
SETTINGS: dict[str, Any] = {
    "centre": "jhb-centre",
    "title": "Johannesburg",
    "language": "en",
    "root": "edge/v1",
    "outlines": [],
    "units": ["car 7", "Park Station patrol"],
    "tiles": None,
    "ring_after_s": 15,
    "supervisor_after_s": 60,
    "key_by_link": True,
}
CHROMIUM = Path("/usr/bin/chromium")
PINS = (4, 5, 6, 12, 13, 16, 17, 19, 20, 21)
NAMES = [f"button-{pin}" for pin in PINS]
BUTTONS = [{**BUTTON, "name": name, "pin": pin} for name, pin in zip(NAMES, PINS, strict=True)]
"""Ten buttons of one kiosk: each has an alarm of its own."""
AS_ROOT = ["--no-sandbox"] if os.geteuid() == 0 else []
_NEVER_SLOW = [
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
]


class Rig(AbstractContextManager["Rig"]):
    """Enter to start it. `brokers` and `sites` (nginx) have one for each host; `settings` replace those above.

    `agent` is a simulated device that trusts `key`, an operator's; its alarms are exercises unless the `program` is
    IN_EARNEST. `kiosk` replaces tables of its settings, `times` what it has for its brokers, and `environ` is more of
    its environment. `further` are locations that the sites have besides; `clips_port` is where they find uploaded
    recordings. What another kiosk would say can be said by
    Subscriber(rig.brokers[0].port, files=authorities.device("gp/site/id")).
    """

    def __init__(
        self,
        directory: Path,
        authorities: BrokerAuthorities,
        built_page: Path,
        *,
        hosts: int = 1,
        program: Sequence[str] = AGENT,
        kiosk: Mapping[str, Any] | None = None,
        times: Mapping[str, float] | None = None,
        environ: Mapping[str, str] | None = None,
        further: str = "",
        clips_port: int | None = None,
        **settings: Any,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.authorities = directory, authorities
        logins = dict.fromkeys((OPERATOR, SECOND), PASSWORD)
        self.brokers = [
            Mosquitto(
                directory / f"broker-{n}",
                authorities=authorities,
                logins=logins,
                access=f"user {FLEET}\ntopic readwrite edge/v1/#",
            )
            for n in range(hosts)
        ]
        ports = [free_port() for _ in range(hosts)]
        addresses = [f"wss://localhost:{port}" for port in ports]
        served = directory / "control-room.json"
        registrar = settings.get("registrar", {}).get("url", "/")
        allowed = [*addresses, *([] if registrar.startswith("/") else [registrar])]
        named = [{"name": "ab"[n], "url": f"{address}/mqtt"} for n, address in enumerate(addresses)]
        served.write_text(json.dumps({**SETTINGS, "brokers": named, **settings}))
        self.settings = served
        self.sites = [
            Nginx(
                directory / f"nginx-{n}",
                page=built_page,
                settings=served,
                web_port=self.brokers[n].web_port,
                files=authorities.server.server(),
                port=ports[n],
                connect=[each for each in allowed if not each.endswith(f":{ports[n]}")],
                further=further,
                clips_port=clips_port,
                operators=directory / f"broker-{n}" / "edge-agent" / "operators",
            )
            for n in range(hosts)
        ]
        files = authorities.device(USER)
        self.agent = AgentProcess(
            directory / "kiosk",
            *(broker.url for broker in self.brokers),
            program=program,
            environ=environ,
            mqtt={
                **files.mqtt,
                **(times or {}),
            },
            **(kiosk or {}),
        )
        self.key = make_key("operator", directory / "kiosk" / "keys", OPERATOR)
        self._stack = ExitStack()

    def __enter__(self) -> "Rig":
        with ExitStack() as stack:
            for part in (*self.brokers, *self.sites, self.agent):
                stack.enter_context(part)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """The page of the first host."""
        return self.sites[0].url

    def other_centre(self) -> Centre:
        """Somebody who hears all that the kiosk says at the first broker, and knows no page."""
        files = self.authorities.centre(CENTRE)
        return Centre(self.brokers[0].centre_port, host="localhost", files=files)

    def listener(self, number: int = 0) -> Subscriber:
        """Somebody who hears what a broker is told of centres: whether they watch, and their echoes."""
        files = self.authorities.device("gp/jhb-park-station/listener")
        filters = ["edge/v1/host/+/state", "edge/v1/host/+/echo"]
        return Subscriber(self.brokers[number].port, filters, host="localhost", files=files)

    def further_key(self, role: str, issuer: str) -> PrivateKey:
        """A key of somebody else, which the device obeys from the next command on."""
        return make_key(role, self.directory / "kiosk" / "keys", issuer)


def key_fragment(key: PrivateKey) -> str:
    """What goes behind the page's address to give it this key."""
    jwk = json.dumps(key.as_jwk()).encode()
    return "#key=" + base64.urlsafe_b64encode(jwk).rstrip(b"=").decode("ascii")


class Browser(AbstractContextManager["Browser"]):
    """Debian's Chromium without a window. It trusts `authorities` as an operator's PC does, and nothing else: a site
    with another certificate is not shown. `complaints` are errors of pages and on their consoles; `forgive` takes some
    away. With `throttles` it treats a tab behind another one as it does on a PC: playwright shows every page as if it
    were in front, and its timers are never slowed. Then all pages are tabs of one window. Unless it is given a `driver`
    it starts one; no process may have two.
    """

    def __init__(
        self, home: Path, *authorities: Path, throttles: bool = False, driver: Playwright | None = None
    ) -> None:
        self.complaints: list[str] = []
        self._home = home
        self._authorities = authorities
        self._throttles = throttles
        self._driver = driver
        self._window: BrowserContext | None = None
        self._stack = ExitStack()

    def __enter__(self) -> "Browser":
        assert CHROMIUM.exists(), "no browser: run `make browser`"
        trust(self._home, *self._authorities)
        with ExitStack() as stack:
            playwright = self._driver or stack.enter_context(sync_playwright())
            port = free_port()
            self._chromium = playwright.chromium.launch(
                executable_path=CHROMIUM,
                args=[*AS_ROOT, f"--remote-debugging-port={port}"] if self._throttles else AS_ROOT,
                ignore_default_args=_NEVER_SLOW if self._throttles else None,
                env={**os.environ, "HOME": str(self._home)},
            )
            stack.callback(self._chromium.close)
            if self._throttles:
                beside = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}", no_defaults=True)
                self._window = beside.contexts[0]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def open(self, url: str, *, beside: Page | None = None, script: str = "", **options: Any) -> Page:
        """A page of a person with a browser of their own, or a further tab `beside` another one. `script` runs before
        those of the page. `options` are those of playwright's new_context: viewport, color_scheme..."""
        mine = self._window if beside is None else beside.context
        context: BrowserContext = mine or self._chromium.new_context(**options)
        page = context.new_page()
        if script:
            page.add_init_script(script)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"{error.name}: {error.message}\n{error.stack}"))
        page.goto(url)
        return page

    @contextmanager
    def traced(self, page: Page) -> Iterator[Callable[[], bytes]]:
        """Have the browser write down what the page's threads do; afterwards what is yielded returns it."""
        trace = b""
        self._chromium.start_tracing(page=page, categories=["toplevel"])
        try:
            yield lambda: trace
        finally:
            trace = self._chromium.stop_tracing()

    def processes(self) -> list[psutil.Process]:
        """All of the browser, as a PC that falls asleep stops it."""
        return [each for each in psutil.Process().children(recursive=True) if each.name().startswith("chrom")]

    def forgive(self, pattern: str) -> None:
        """Take away the complaints so far that have this pattern in them: a test has caused them."""
        self.complaints[:] = [each for each in self.complaints if not re.search(pattern, each)]

    def _hear(self, message: ConsoleMessage) -> None:
        # Chromium breaks off what it loads when an interface of the machine comes or goes, as those of containers do.
        if message.type in {"error", "assert"} and "net::ERR_NETWORK_CHANGED" not in message.text:
            self.complaints.append(f"{message.text} ({message.location.get('url')})")


def page_with(before: str, built_page: Path, directory: Path) -> Path:
    """A copy of the built page, with this JavaScript before that of its worker."""
    shutil.copytree(built_page, directory)
    program = (directory / "worker.js").read_text()
    (directory / "worker.js").write_text(f"{before}\n{program}")
    return directory


def trust(home: Path, *authorities: Path) -> None:
    """Have the browser of this home directory trust these authorities, as docs/how-to/run-a-control-room.md says."""
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True, exist_ok=True)
    certutil: Sequence[str] = ("certutil", "-d", f"sql:{database}")
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    for number, path in enumerate(authorities):
        subprocess.run([*certutil, "-A", "-t", "C,,", "-n", f"Edge agent {number}", "-i", path], check=True)
