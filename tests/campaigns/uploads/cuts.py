"""Segments are made while the network is cut at random moments: every one is at the store, once, and whole."""

import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from agent.adapters.system_clock import SystemClock
from agent.contract.commands import UploadUrl, UploadUrlsArgs
from agent.contract.uuid7 import Uuid7Source
from agent.core.camera.recorder_link import UploadSpec
from agent.core.delivery.backoff import Backoff
from agent.outbox.outbox import Outbox
from agent.recorder.segments import Part, Segments
from agent.runtime.sending.rules import UploadRules
from agent.runtime.sending.sending import Sending
from agent.runtime.sending.uploader import Uploader
from agent.runtime.supervision.context import Context
from agent.trust.evidence.fragment import Fragment
from tests.support.context import make_context
from tests.support.sending import Outboxed
from tests.support.store import Store

_COMMAND = (sys.executable, "-m", "agent.upload", "--fd")
_SECOND = 125_000
"""Bytes of a second of pictures."""
_MOST_S = 600.0
_HOWS = ("cut 1", "cut 60000", "cut 400000", "lost", "503", "429", "garbage")


@dataclass
class Cut:
    """What came of it."""

    cuts: int
    segments: int
    lost: int
    spoilt: int
    puts: int
    kills: int
    seconds: float


def run(cuts: int, seed: int = 1) -> Cut:
    """Upload until there were so many cuts; two in five fall into a PUT, and every seventh kills the uploader."""
    chance, clock, outbox = random.Random(seed), SystemClock(), Outboxed()
    with tempfile.TemporaryDirectory() as directory, Store(bytes_s=4_000_000) as store:
        spool = Path(directory)
        segments = Segments("front", UploadSpec(directory=str(spool), bytes=10**9, clips=("alarm",)))
        sending = _sending(spool, store, outbox, make_context(outbox, clock))
        url, expires = store.url("b/{name}"), int(time.time() + 3600)
        sending.allow(UploadUrlsArgs(urls=[UploadUrl(url=url)], expires=expires))
        begun_s = time.monotonic()
        made = kills = done = number = 0
        clip = ""
        while (done < cuts or sending.figures()["waiting"]) and time.monotonic() - begun_s < _MOST_S:
            if done < cuts and sending.figures()["waiting"] < 4:
                if number % 40 == 0:
                    segments.end(clip)
                    clip = Uuid7Source().next(time.time_ns() // 10**6)
                    segments.begin(clip, {"alarm": "a-1"}, b"init", [_part(each) for each in range(15)])
                for each in range(number, number + 4):
                    segments.add(clip, _part(each + 15))
                number += 4
            elif done >= cuts:
                segments.end(clip)
            if not store.script and done < cuts:
                store.script.extend([chance.choice(_HOWS), *["take"] * chance.randint(0, 2)])
                done += 1
                if done % 3 == 0:
                    threading.Timer(chance.random() * 0.3, store.cut).start()
                if done % 7 == 0:
                    kills += 1
                    sending._uploader.close()
            sending.run_once(0.05)
        told = {
            draft.data.object: draft.data.sha256 for draft in cast("Any", outbox) if draft.type.endswith("uploaded.v1")
        }
        there = {
            path.removeprefix("/b/"): {sha256(each).hexdigest() for each in bodies}
            for path, bodies in store.objects.items()
        }
        made = segments._number
        ends = sum(each.endswith("_end") for each in there)
        sending._uploader.close()
        lost = made - len(told)
        spoilt = sum(there.get(name) != {digest} for name, digest in told.items())
        return Cut(done, made - ends, lost, spoilt, len(store.puts), kills, time.monotonic() - begun_s)


def _sending(spool: Path, store: Store, outbox: Outboxed, context: Context) -> Sending:
    rules = UploadRules(spool, ("front",), frozenset({store.host}), is_simulated=True)
    backoff = partial(Backoff, first_s=0.02, longest_s=0.1)
    connected: Any = SimpleNamespace(connected=True)
    return Sending(rules, Uploader(_COMMAND, context.clock), context, cast("Outbox", outbox), connected, backoff)


def _part(index: int) -> Part:
    begin = datetime.now(UTC)
    data = index.to_bytes(4) * (_SECOND // 4)
    ns = time.monotonic_ns() + index * 10**9
    return Part(Fragment(index, False, data, ns, ns + 10**9, begin, begin + timedelta(seconds=1)), True)
