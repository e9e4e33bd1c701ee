"""Spoilt commands by the thousand: none does anything without a right signature, none harms the agent.

`make fuzz` plays a hundred thousand.
"""

import os
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest

from agent.bootstrap.remote import make_remote
from agent.contract.commands import TABLE, UploadUrlsArgs
from agent.core.camera.vision_spec import VisionSpec
from agent.outbox.outbox import Outbox
from agent.ports import Received
from agent.runtime.cameras.asked_pictures import AskedPictures
from agent.runtime.commands.executor import CommandExecutor
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.commands.orders import OpenAnswer, SelfTestAnswer
from agent.runtime.live.answers import LiveAnswer
from agent.runtime.remote.kept import Kept
from agent.settings.kept import again, begin, load_kept
from agent.trust.jose_keys import KeyRing, PrivateKey, PublicKey
from tests.settings.test_file import GOOD
from tests.support.command_rig import WhenAwaited
from tests.support.context import make_context
from tests.support.drafts import IDENTITY, taken, write
from tests.support.fuzz import COMMANDS, rightly_signed, shots
from tests.support.outbox_fixtures import clock, message_store, outbox, store
from tests.support.sim_clock import SimClock

__all__ = ["clock", "message_store", "outbox", "store"]
ROUNDS = int(os.environ.get("FUZZ", "2000"))
CAMERA = '[[cameras]]\nname = "front"\nsource = "picamera2:0"\n'
OF_A_TRIAL = {"leave 75", "started", "respec 1"}
MOST_GROWTH = 16 * 1024 * 1024


class Target:
    """All of the agent that commands reach, and what they have made it do."""

    def __init__(self, directory: Path, outbox: Outbox, clock: SimClock, keys: list[PrivateKey]) -> None:
        state = directory / "state"
        state.mkdir()
        config = directory / "edge-agent.toml"
        config.write_text(GOOD.replace("/var/lib/edge-agent", str(state)) + CAMERA)
        self._config = config
        self.begin()
        self.outbox, self.clock = outbox, clock
        keep = outbox.writer.keep
        outbox.writer.keep = lambda values: WhenAwaited(keep(values), outbox)  # type: ignore[method-assign]
        self.done: list[str] = []
        self.ring = KeyRing()
        self.ring.take([key.public().as_jwk() for key in keys], 0)
        self.ring.reload()
        self.whose_alarms: Callable[[], frozenset[str]] = frozenset
        self.at_start: Callable[[], None] = lambda: None
        self.uplink = False
        self.simulated = True
        self.is_paused = False
        self.start()

    @property
    def open_ids(self) -> frozenset[str]:
        return self.whose_alarms()

    def begin(self) -> None:
        """Take the settings as a new process does."""
        self.begun = begin(self._config)

    def start(self) -> None:
        any_part: Any = self
        context = make_context(self.outbox, self.clock)
        context.board.report("uplink", ok=self.uplink)
        self.handler = CommandHandler(
            identity=IDENTITY, context=context, outbox=self.outbox, keys=self.ring, key_watch=any_part
        )
        recorders: Any = SimpleNamespace(
            respec=list, order=lambda *_: self.did("clip"), hold=lambda _: self.did("clip-hold")
        )
        self.from_afar, self.in_use = make_remote(
            begun=self.begun,
            context=context,
            outbox=self.outbox,
            keys=self.ring,
            alarms=any_part,
            cameras=any_part,
            recordings=recorders,
            announcer=any_part,
            handler=self.handler,
            simulated=self.simulated,
        )
        self.from_afar.leave_by(any_part)
        self.outbox.replay.wake = lambda: self.outbox.writer.run_once(0)
        live: Any = SimpleNamespace(start=self.look, stop=self.look)
        executor = CommandExecutor(
            self.clock,
            self.acknowledge,
            any_part,
            any_part,
            AskedPictures(self.clock, self.outbox, any_part, context.security),
            self.self_test,
            self.from_afar.execute,
            self.outbox.replay,
            self.open_page,
            recorders,
            live,
            any_part,
            context.security,
        )
        self.handler.execute_with(executor.execute, self.from_afar)

    def mistakes(self, changes: dict[str, Any]) -> dict[str, Any]:
        return self.in_use.mistakes(self.from_afar.kept, changes)

    def state(self) -> tuple[Kept, dict[str, PublicKey]]:
        """What a command may change for good."""
        return load_kept(self.begun.settings.storage.directory), dict(self.ring.keys)

    @property
    def is_under_way(self) -> bool:
        """Whether settings are on trial, or wait for one."""
        return self.from_afar._kept.trial is not None or self.from_afar._waiting is not None

    def allow(self, args: UploadUrlsArgs) -> tuple[int, list[str], list[str]]:
        self.did("upload-urls")
        return len(args.urls), [], ["store.example"]

    def open_page(self, order_id: str, seconds: float, code_hash: str | None, issuer: str) -> OpenAnswer:
        self.did("service-page")
        return "ok"

    def look(self, args: object, who: object) -> LiveAnswer:
        self.did("look")
        return LiveAnswer("ok", "")

    def did(self, what: str) -> None:
        self.done.append(what)

    def tick(self) -> None:
        if self.ring.stamp() is not None:
            self.ring.reload()

    def figures(self) -> dict[str, dict[str, object]]:
        return {"front": {"state": "ok", "frames": 1}}

    def configured(self, meta: object, config_revision: str) -> None: ...

    def respec(self, specs: Iterable[VisionSpec]) -> None:
        self.did(f"respec {len(list(specs))}")

    def leave(self, code: int) -> None:
        self.did(f"leave {code}")

    def acknowledge(self, ack: object) -> Any:
        self.did("ack")
        return "unknown-alarm", None

    def announce(self) -> None:
        self.did("rebirth")

    def identify(self, seconds: float) -> None:
        self.did("identify")

    def shows(self, camera: str | None) -> tuple[str | None, bool]:
        return camera or "front", True

    def snapshot(self, picture_id: str, camera: str | None) -> str | None:
        self.did("snapshot")
        return None

    def self_test(self, order_id: str, siren: bool) -> SelfTestAnswer:
        self.did("self-test")
        return "asked"

    def test_mode(self, seconds: float, inputs: list[str] | None) -> str:
        self.did("test-mode")
        return "ok"

    def hit(self, topic: str, payload: bytes, retain: bool) -> None:
        """Let everybody deal with one message."""
        self.handler.receive(Received(IDENTITY.down(*topic.split("/")), payload, len(payload), retain))
        self.come_to_rest()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The thread that writes is busy meanwhile."""
        self.is_paused = True
        yield
        self.is_paused = False

    @contextmanager
    def a_writer_that_is_faster(self) -> Iterator[None]:
        """The thread that writes does each job before the one that gives it goes on."""
        jobs, self.from_afar._jobs = self.from_afar._jobs, cast("Any", SimpleNamespace(put=lambda job: job()))
        self.is_paused = True
        yield
        self.from_afar._jobs, self.is_paused = jobs, False
        self.come_to_rest()

    def come_to_rest(self) -> None:
        """Let everybody do what there is to do, and start the core again if it asked for that."""
        self.handler.run_once(0)
        if self.is_paused:
            return
        self.from_afar.run_once(0)
        while not (self.from_afar._jobs.empty() and self.handler._queue.empty()):
            self.from_afar.run_once(0)
            self.handler.run_once(0)
        self.tick()  # keys that were set count from here on
        if self.done and self.done[-1].startswith("leave"):
            self.done.append("started")
            self.at_start()
            self.begun = again(self.begun, self.from_afar.kept)
            self.start()
            self.come_to_rest()


def test_every_command_is_spoilt() -> None:
    assert set(COMMANDS) == set(TABLE)


def test_nothing_spoilt_is_executed_and_nothing_harms_the_agent(
    tmp_path: Path, outbox: Outbox, clock: SimClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(14)
    keys = [PrivateKey.generate(role, "office") for role in ("operator", "technician", "admin", "supervisor")]
    stranger = PrivateKey.generate("admin", "office")
    target = Target(tmp_path, outbox, clock, keys)
    counter, revision = 10**6, 0
    executed = signed = 0

    def claims(name: str, key: PrivateKey, args: dict[str, Any]) -> dict[str, Any]:
        nonlocal counter, revision
        counter += 1
        if "revision" in args:
            revision += 1
            args["revision"] = revision
        now = int(clock.wall().timestamp())
        said = {"cmd_id": f"c{counter}", "name": name, "args": args, "aud": IDENTITY.source, "iss": key.issuer}
        return said | {
            "iat": now,
            "exp": now + 60,
            "ctr": counter,
            "boot_nonce": outbox.nonces.newest(clock.boottime_ns()),
        }

    memory = psutil.Process().memory_info
    settled = 0
    for number, shot in zip(range(ROUNDS), shots(chance, [*keys, stranger], claims), strict=False):
        before, deeds, was_under_way = target.state(), len(target.done), target.is_under_way
        target.uplink = number % 3 > 0  # so that some trials succeed
        target.hit(*shot)
        is_signed = rightly_signed(shot.payload, keys)
        signed += is_signed
        done = target.done[deeds:]
        if not is_signed:
            # A trial may end by its time, and settings at the broker may have waited for that.
            assert (not done and target.state() == before) or (was_under_way and set(done) <= OF_A_TRIAL), shot
            assert target.state()[1] == before[1], "the keys are the ones of before"
        executed += len(done)
        clock.advance(timedelta(seconds=chance.choice([0, 0.1, 5])))
        if number % 50 == 0:
            write(outbox)
            while taken(outbox):
                pass
        if number == ROUNDS // 2:
            settled = memory().rss
    grown = memory().rss - settled
    print(f"{ROUNDS} shots, {signed} rightly signed, {executed} deeds; {grown >> 10} KiB more in the second half")
    assert executed > ROUNDS / 50, "the fuzz reaches what it is about"
    assert target.begun.kept.in_force.revision > 0
    assert grown < MOST_GROWTH
