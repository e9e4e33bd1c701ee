"""One simulated device: the core as `app.run` wires it, stepped by hand, with a broker of the fleet.

Left out: pins and lamps (memory stands for them), cameras and recorders, the self-test, the service page, commands
over the wire (an alarm is closed where it was raised), and the black box's file: what a killed process leaves in memory
is not played, only what its disk has.
"""

import asyncio
import ssl
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from agent.adapters.system_clock import SystemClock
from agent.bootstrap import specs
from agent.bootstrap.kiosk import Pins, make_kiosk
from agent.bootstrap.platform import Outside
from agent.bootstrap.recordings import make_recordings
from agent.bootstrap.uplink import listen, make_handler, make_uplink
from agent.contract.envelope import MessageFactory, rfc3339
from agent.contract.identity import client_id
from agent.contract.messages import Answer
from agent.contract.vocabulary import AckAction
from agent.core.facts import CentreAck, Edge
from agent.outbox.outbox import Outbox
from agent.outbox.reporter import Reporter
from agent.outbox.store import MessageStore
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.selftest.probe_alarm import AllAlarms, ProbeAlarm
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.health import HealthBoard
from agent.runtime.supervision.main_loop import MainLoop
from agent.runtime.supervision.security import SecurityLog
from agent.runtime.supervision.supervisor import Supervisor
from agent.runtime.tap.service_page import ServicePage
from agent.settings import Settings
from agent.settings.kept import Begun
from agent.trust.tls_context import TlsFiles, tls_context
from tests.campaigns.fleet.broker import FleetBroker
from tests.support.certificates import CertificateFiles
from tests.support.fake_ports import MemoryLights
from tests.support.main_loop_rig import FakeNotifier

BUTTON, MAINS = "police", "mains"
_NOWHERE = Path("/dev/null/black-box")
"""No file can be there, so the black box takes memory only as it is used: its file would have 1.5 MiB for each."""
_SOURCES = 8
_BUSY_S, _CALM_S = 0.5, 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a device is made of."""

    number: int
    user: str
    directory: Path
    urls: tuple[str, ...]
    files: CertificateFiles
    spread_s: float
    health_s: float
    centre: str

    @property
    def source(self) -> str:
        """Its name in messages."""
        return f"/edge/{self.user}"

    @property
    def suburb(self) -> str:
        """The place that it shares with the other sites of its suburb: the first word of their names."""
        return self.user.partition("-")[0]


class _Boot(SystemClock):
    """The clock of one start of a machine: after a power cut another boot has begun."""

    def __init__(self) -> None:
        super().__init__()
        self._boot_id = str(uuid.uuid4())


class _Turns(Supervisor):
    """Has no threads to look after: the store had its pass whenever somebody looks."""

    def passes(self) -> dict[str, int | None]:
        return {"store": time.monotonic_ns()}


class _Outbox(Outbox):
    """Writes what must be kept at once: nobody else would, while a close waits for it."""

    def keep(self, key: str, value: str | None) -> Event:
        safe = super().keep(key, value)
        self.writer.run_once(0)
        return safe


class _Hears:
    def tick(self) -> bool:
        return True


class Device:
    """From power on to a power cut or the end. Everything on the loop's thread; no call blocks but for the disk."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._is_awake = self._is_dark = False
        settings = _settings(plan)
        plan.directory.mkdir(parents=True, exist_ok=True)
        (plan.directory / "reserve").touch()  # else each device would hold 4 MiB for the day its disk is full
        self._context_of_tls: ssl.SSLContext | None = None
        source = f"127.0.0.{2 + plan.number % _SOURCES}"
        self._brokers = [
            FleetBroker(client_id(plan.user), tls=self._tls, source=source, on_activity=self.wake) for _ in range(2)
        ]
        self._clock = clock = _Boot()
        self._store = MessageStore(plan.directory)
        self.outbox = outbox = _Outbox(
            plan.directory, clock, settings.identity, settings.storage.telemetry_max_bytes, _NOWHERE, store=self._store
        )
        outbox.open()
        outbox.writer.run_once(0)
        outbox.await_disk(0)
        reporter, supervisor = Reporter(MessageFactory(settings.identity), outbox), _Turns()
        context = Context(clock, reporter, HealthBoard(reporter), SecurityLog(reporter, clock), supervisor)
        idle = iter(self._brokers)
        outside = Outside(clock, FakeNotifier(), supervisor, lambda: None, lambda: next(idle), lambda: next(idle))
        begun = Begun.of(settings)
        uplink = make_uplink(begun, outside, context, outbox)
        handler, _, key_watch = make_handler(begun, context, outbox)
        recordings = make_recordings(settings, context, outbox, handler, uplink.publisher, simulated=False).recordings
        pins: Any = Pins(None, MemoryLights(), None)  # type: ignore[arg-type]
        cameras, page = Cameras(context.board), ServicePage(context)
        kiosk = make_kiosk(
            settings,
            context,
            outbox,
            pins,
            cameras,
            recordings,
            uplink,
            page,
            simulate=False,
            battery=specs.battery(settings),
        )
        self._publisher, self._pipeline = uplink.publisher, kiosk.pipeline
        alarms = AllAlarms(kiosk.pipeline, ProbeAlarm(context, outbox, None))
        listen(settings, context, uplink, kiosk.pipeline, alarms, handler, key_watch)
        self.main_loop = MainLoop(
            context=context,
            outbox=outbox,
            publisher=uplink.publisher,
            edges=_Hears(),
            notifier=FakeNotifier(None),
            health_interval_s=plan.health_s,
            status_file=None,
        )
        self._board, self._part_works = context.board, True
        self._board.report("camera-front", ok=True)
        context.security.report("boot", "the agent has started", simulated=True, boot_id=clock.boot_id)
        for name in (BUTTON, MAINS):
            kiosk.pipeline.edge(Edge(name, False, clock.boottime_ns(), at_start=True))

    @property
    def connected(self) -> bool:
        """Whether a broker has accepted it."""
        return self._publisher.connected

    @property
    def waiting(self) -> int:
        """The messages that no broker has confirmed yet."""
        return sum(self.outbox.figures()[0].values())

    @property
    def is_calm(self) -> bool:
        """Whether no alarm is open."""
        return not self._pipeline.open_ids

    def wake(self) -> None:
        """Have it take a turn soon: something has happened to it."""
        if not self._is_awake:
            self._is_awake = True
            self._loop.call_soon(self._turn)

    def start(self) -> None:
        """Give it power."""
        self._tick()

    def _tick(self) -> None:
        """Do what is due by time."""
        self._timer = None
        self.main_loop.tick()
        self._pipeline.run_once(0)
        self._turn()

    def _turn(self) -> None:
        """Do what there is to do: what a broker has brought, what follows of it, and the disk's part."""
        self._is_awake = False
        if self._is_dark:
            return
        self._publisher.run_once(0)
        while not self._pipeline._facts.empty():
            self._pipeline.run_once(0)
        self.outbox.writer.run_once(0)
        self._publisher.run_once(0)
        due_s = self._loop.time() + self._patience_s()
        if self._timer is not None and due_s < self._timer.when():
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(due_s, self._tick)

    def _patience_s(self) -> float:
        """How long it may be left alone if nothing happens to it. The agent's own threads look twice a second, which
        for thousands of devices takes more of a processor than all that they do."""
        if not self.is_calm:
            return _BUSY_S
        if self.connected:
            due_ns = self.main_loop._health_due_ns
        elif self._publisher._candidate is not None:
            return _CALM_S
        else:
            due_ns = self._publisher._due_ns()
        return min(_CALM_S, max(0.0, (due_ns - self._clock.boottime_ns()) / 1e9))

    def press(self) -> tuple[str, int]:
        """Press the button; returns the alarm that was raised, and when, in CLOCK_BOOTTIME."""
        before = self._pipeline.open_ids
        edge_ns = self._clock.boottime_ns()
        self._pipeline.edge(Edge(BUTTON, True, edge_ns))
        self._pipeline.edge(Edge(BUTTON, False, self._clock.boottime_ns()))
        [alarm_id] = self._pipeline.open_ids - before
        self.wake()
        return alarm_id, edge_ns

    def close_alarms(self) -> None:
        """Close every alarm, as an ack of the centre would."""
        answer = Answer(issuer="fleet", at=rfc3339(self._clock.wall()))
        for alarm_id in self._pipeline.open_ids:
            self._pipeline.acknowledge(CentreAck(alarm_id, AckAction.CLOSED, answer, self._clock.boottime_ns()))
        self.wake()

    def report_event(self) -> None:
        """Report that a part has failed, or works again: an event of the record, as a camera sends them."""
        self._part_works = not self._part_works
        self._board.report("camera-front", ok=self._part_works, detail="" if self._part_works else "no picture")
        self.wake()

    def mains(self, *, failed: bool) -> None:
        """Have its mains contact open, or close again; its battery lasts for the night."""
        self._pipeline.edge(Edge(MAINS, failed, self._clock.boottime_ns()))
        self.wake()

    def cut(self) -> None:
        """Lose the connection as a network does."""
        for broker in self._brokers:
            broker.cut()

    def vanish(self) -> list[Any]:
        """Lose its power: nothing is said to anybody, what was not on the disk is lost. Returns what keeps the silent
        sockets open; the device can't be used any more."""
        silent = [broker.vanish() for broker in self._brokers]
        self._switch_off()
        return silent

    def end(self) -> None:
        """Leave at once, without a farewell."""
        for broker in self._brokers:
            broker.disconnect(0)
        self._switch_off()

    def _switch_off(self) -> None:
        self._is_dark = True
        if self._timer is not None:
            self._timer.cancel()
        self._store.close()

    def _tls(self) -> ssl.SSLContext:
        # The agent reads its files at each connection; here one thread does it for many, so once a start is enough.
        if self._context_of_tls is None:
            files = self.plan.files
            self._context_of_tls = tls_context(TlsFiles(files.ca, files.cert, files.key))
        return self._context_of_tls


def _settings(plan: Plan) -> Settings:
    province, site, device = plan.user.split("/")
    files = plan.files
    return Settings.model_validate(
        {
            "device": {"province": province, "site": site, "id": device},
            "storage": {"directory": plan.directory, "keep_free_bytes": 0},
            "mqtt": {
                "brokers": plan.urls,
                "ca_file": files.ca,
                "cert_file": files.cert,
                "key_file": files.key,
                "reconnect_spread_s": plan.spread_s,
            },
            "centre": {"names": [plan.centre]},
            "buttons": [{"name": BUTTON, "pin": 17, "debounce_ms": 0, "chatter_presses": 0}],
            "inputs": [{"name": MAINS, "kind": "mains", "pin": 13, "delay_s": 0, "restore_s": 0}],
            "battery": {},
            "lights": {"yellow": 22, "green": 27, "beacon": 23, "tone": 18},
            "health": {"interval_s": plan.health_s},
            "self_test": {"enabled": False},
        }
    )
