"""A process that is the command centre: two connections to each node, one of them for alarms alone, and the consumer
library behind them."""

import sys
import time
import traceback
from collections import Counter, deque
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection

from agent.contract.errors import BrokerError
from agent.contract.events import ConditionData
from agent.trust.tls_context import TlsFiles
from edge_centre.adapters.paho_centre import CentreConnection, Heard
from edge_centre.library import Consumer, DevicesBack, DevicesGone, NewMessage, RecordSkipped
from edge_centre.library.link import Link, alarm_link
from tests.support.certificates import CertificateFiles

FILTER, ALARMS = "edge/v1/+/+/+/up/#", "edge/v1/+/+/+/up/alarm/+"
_TOLD_S, _TICK_S = 0.2, 0.5


@dataclass(frozen=True, slots=True)
class Post:
    """Where the centre listens, and as whom."""

    urls: tuple[str, ...]
    files: CertificateFiles
    name: str


def run(pipe: Connection, post: Post) -> None:
    """Serve the fleet until it says `end`, or is gone. The process gets its end of the pipe as its argument."""
    # The client's thread notes when a message came; the other one must not keep it from that for long.
    sys.setswitchinterval(0.0005)
    listener = Listener(pipe, post)
    try:
        listener.serve()
    except (EOFError, ConnectionError, KeyboardInterrupt):
        pass
    except Exception:  # noqa: BLE001 - the fleet has to hear of it
        pipe.send(("failed", traceback.format_exc()))
    finally:
        listener.do_leave()


class Listener:
    """Notes when each message came, on the client's thread; reads it on the main one, as far as there is time."""

    def __init__(self, pipe: Connection, post: Post) -> None:
        self._pipe = pipe
        self._post = post
        self._came: deque[tuple[int, str, Heard]] = deque()
        self._ahead: deque[tuple[int, str, Heard]] = deque()
        """Alarms by their own session."""
        self._links: deque[tuple[str, bool]] = deque()
        self._up: set[str] = set()
        self._connections: list[CentreConnection | Link] = []
        self._consumer = Consumer()
        self._counts: Counter[str] = Counter()
        self._is_over = False

    def serve(self) -> None:
        """Listen until `end`."""
        self.do_join()
        told_s = ticked_s = 0.0
        while not self._is_over:
            if self._pipe.poll(0 if self._came or self._ahead else 0.01):
                name, *rest = self._pipe.recv()
                getattr(self, f"do_{name}")(*rest)
            for _ in range(100):
                if self._ahead:
                    self._read(*self._ahead.popleft(), ahead=True)
                elif self._came:
                    self._read(*self._came.popleft())
            while self._links:
                self._note_link(*self._links.popleft())
            if time.monotonic() - ticked_s > _TICK_S:
                ticked_s = time.monotonic()
                self._tick(ticked_s)
            if time.monotonic() - told_s > _TOLD_S:
                told_s = time.monotonic()
                is_up = len(self._up) > 0
                self._pipe.send(("listens", is_up, time.process_time(), len(self._came), dict(self._counts)))

    # --- orders

    def do_join(self) -> None:
        """Connect to every node; each keeps a session for us."""
        files = TlsFiles(self._post.files.ca, self._post.files.cert, self._post.files.key)
        for number, url in enumerate(self._post.urls):
            name = f"{self._post.name}-fleet-{number}"
            connection = CentreConnection(
                url,
                files,
                on_message=partial(self._hear, self._came, url),
                on_link=lambda up, _, url=url: self._links.append((url, up)),  # type: ignore[misc]
                state_topic=f"edge/v1/host/{self._post.name}/state",
                client_id=name,
            )
            try:
                connection.open([FILTER])
            except BrokerError as error:
                self._pipe.send(("failed", f"the centre can't listen: {error}"))
            alarms = alarm_link(url, files, f"{name}-alarms", [ALARMS], partial(self._hear, self._ahead, url))
            alarms.start()
            self._connections += [connection, alarms]

    def do_leave(self) -> None:
        """Go home; the sessions stay."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._links.extend((url, False) for url in self._post.urls)

    def do_ledger(self) -> None:
        """Tell up to where the record of each device is complete."""
        self._pipe.send(("heard", {source: tuple(mark) for source, mark in self._consumer.marks().items()}))

    def do_begin_anew(self) -> None:
        """Be another run of the centre's program, which knows what the one before has kept."""
        before = self._consumer
        self._consumer = Consumer(marks=before.marks(), liveness=before.liveness())
        for url in self._up:
            self._consumer.connection(url, True, time.monotonic())

    def do_end(self) -> None:
        """Leave."""
        self._is_over = True

    # --- what happens

    @staticmethod
    def _hear(came: deque[tuple[int, str, Heard]], url: str, heard: Heard) -> None:
        came.append((time.clock_gettime_ns(time.CLOCK_BOOTTIME), url, heard))

    def _note_link(self, url: str, up: bool) -> None:
        (self._up.add if up else self._up.discard)(url)
        self._consumer.connection(url, up, time.monotonic())

    def _tick(self, now_s: float) -> None:
        for notice in self._consumer.tick(now_s):
            if isinstance(notice, DevicesGone | DevicesBack):
                self._pipe.send(("told", type(notice).__name__, notice.sources, now_s))

    def _read(self, came_ns: int, url: str, heard: Heard, *, ahead: bool = False) -> None:
        self._counts["messages"] += 1
        now_s = time.monotonic()
        for notice in self._consumer.hear(url, heard.topic, heard.payload, heard.retain, now_s, ahead=ahead):
            if isinstance(notice, RecordSkipped):
                self._counts["skipped"] += notice.last - notice.first + 1
            if not isinstance(notice, NewMessage):
                continue
            said = notice.message.envelope
            if said.type == "edge.alarm.raised.v1":
                self._pipe.send(("alarm", str(said.data["alarm_id"]), came_ns))
            elif isinstance(notice.message.data, ConditionData):
                self._counts["on battery"] += notice.message.data.active


if __name__ == "__main__":
    ours = Connection(int(sys.argv[1]))
    run(ours, ours.recv())
