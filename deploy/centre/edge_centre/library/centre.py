"""A command centre's end of the line: every broker, one memory, orders that are repeated until their result."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Self, TypeVar

from agent.contract.commands import AckArgs
from agent.contract.errors import BrokerError
from agent.contract.host_state import host_topic
from agent.contract.identity import REPORTS
from agent.contract.messages import ResultData
from agent.contract.vocabulary import AckAction
from agent.trust.jose_keys import PrivateKey
from agent.trust.orders import Signed
from agent.trust.tls_context import TlsFiles
from edge_centre.adapters.main_thread import ctrl_c_kept
from edge_centre.adapters.paho_centre import CentreConnection, Heard
from edge_centre.library.answers import Answers
from edge_centre.library.consumer import Consumer, Mark
from edge_centre.library.link import Link, alarm_link
from edge_centre.library.notices import Alarm, AlarmChanged, NewMessage, Notice, Presence
from edge_centre.library.orders import Ending, Order, Orders, Progress
from edge_centre.library.outages import Liveness
from edge_centre.library.replays import Replay

_TICK_S = 0.1
_SURVEY_S = 0.5
"""How often every device is looked at: five thousand of them ten times a second would take a fifth of a core."""
_MOST_WAITING = 10_000
_AT_ONCE = 100
_BEHIND_S = 30.0
"""After so long without having read everything, what seems silent may just be waiting to be read."""
_OPEN_WITHIN_S = 30.0
_SPOKEN = (
    "alarms",
    "state",
    "alarm/+",
    "event/+",
    "security/+",
    "result/+",
    "health",
    "meta",
    "commissioning",
    "evidence",
)
"""What is subscribed to below `up/`: all but pictures. First what brokers bring first: the open alarms."""
_WITH_ALARMS = ("/up/#", "/up/alarm/+", "/up/alarm/#")
_T = TypeVar("_T")
_LOG = logging.getLogger(__name__)


class Centre:
    """Connected to every broker all the time. Use it as a context manager; entering starts it and waits for nothing.

    `on_notice` and the callbacks of futures run on a thread of the centre, one at a time: they may call anything here,
    but must not wait for a result. Everything else may be called from any thread.
    """

    def __init__(
        self,
        brokers: Sequence[str],
        *,
        on_notice: Callable[[Notice], None] | None = None,
        key: PrivateKey | None = None,
        tls: TlsFiles | Mapping[str, TlsFiles] | None = None,
        alarm_tls: Mapping[str, TlsFiles] | None = None,
        name: str | None = None,
        session: str | None = None,
        answers: bool = False,
        marks: Mapping[str, Mark] | None = None,
        liveness: Mapping[str, Liveness] | None = None,
        root: str = "edge/v1",
        filters: Sequence[str] | None = None,
        on_heard: Callable[[Heard], None] | None = None,
        on_link: Callable[[str, bool, str], None] | None = None,
    ) -> None:
        """`brokers` are addresses, `mqtts://HOST:PORT` or `mqtt://HOST:PORT`; every node of a cluster is one.

        `tls` is for all of them, or by address, where a broker takes the client id from the certificate; only then
        the sessions for alarms need certificates of their own, `alarm_tls`.

        `key` signs acks and commands; with it replays and rebirths are asked for, too. With `name` the kiosks know that
        this centre watches. With `session` the brokers keep what comes while this program is away: it is the beginning
        of its client ids. Alarms then have a session of their own at each broker, too, so that none waits behind
        events. With `answers` it answers self-tests, and closes again what a power cut has opened. `marks` and
        `liveness` are those of an earlier run. `filters` take the place of the usual topics. `on_heard` gets everything
        as it comes, alarms by both sessions; `on_link` a broker's address, whether it is connected, and why not, or
        that it keeps the session for less than 14 days.

        Raises CentreStateError for a name that no centre may have, and BrokerError for an address or a file that can't
        be used.
        """
        self.brokers = (*brokers,)
        self._on_notice = on_notice
        self._on_heard = on_heard
        self._on_link = on_link
        self._root = root
        self._key = key
        self._consumer = Consumer(root, marks, liveness, brokers)
        self._orders = Orders(self._publish, self._nonce_of)
        self._answers = Answers(self) if answers else None
        self._lock = threading.RLock()
        self._endings: list[Ending] = []
        """Orders that have ended, whose futures are still to be told."""
        self._queue: queue.Queue[Callable[[], list[Notice]]] = queue.Queue(_MOST_WAITING)
        self._ahead: queue.Queue[Callable[[], list[Notice]]] = queue.Queue(_MOST_WAITING)
        """What is done before all that is in the other queue: alarms by their own sessions."""
        self._tried = threading.Condition()
        self._is_closing = False
        self._surveyed_s = self._read_s = 0.0
        self._is_behind = False
        self._thread = threading.Thread(target=self._work, name="centre", daemon=True)
        topic = None if name is None else host_topic(root, name)
        topics = filters if filters is not None else [f"{root}/+/+/+/up/{each}" for each in _SPOKEN]

        def link(number: int, url: str) -> Link:
            def make() -> CentreConnection:
                client_id = None if session is None else f"{session}-{number}"
                return CentreConnection(
                    url,
                    tls.get(url) if isinstance(tls, Mapping) else tls,
                    lambda heard: self._queue.put(lambda: self._hear(url, heard)),
                    lambda up, why: self._queue.put(lambda: self._linked(url, up, why)),
                    topic,
                    client_id,
                    # All reports at each connection are for whoever files them, by `filters`.
                    only_new=() if filters is not None else [each for each in topics if each.endswith(REPORTS)],
                )

            make()  # what is wrong with its address or its files is said here
            return Link(make, topics, partial(self._was_tried, url))

        self._links = [link(number, url) for number, url in enumerate(brokers, 1)]
        alarms = [f"{each.partition('/up/')[0]}/up/alarm/+" for each in topics if each.endswith(_WITH_ALARMS)]
        files = alarm_tls if isinstance(tls, Mapping) else dict.fromkeys(brokers, tls)
        self._alarm_links = {
            url: alarm_link(url, files[url], f"{session}-{number}-alarms", alarms, partial(self._hear_ahead, url))
            for number, url in enumerate(brokers, 1)
            if session is not None and alarms and files is not None and url in files
        }

    def __enter__(self) -> Self:
        try:
            with ctrl_c_kept():
                self._thread.start()
            for each in self._links:
                each.start()
        except BaseException:  # a Ctrl-C, too: nobody calls __exit__ after it
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for each in (*self._links, *self._alarm_links.values()):
            each.close()
        with self._lock:
            self._is_closing = True
            self._endings += self._orders.close()
        if self._thread.ident is not None:
            self._thread.join()

    def await_connection(self, timeout_s: float = _OPEN_WITHIN_S) -> None:
        """Wait until a broker has let us in. Raises BrokerError when every one was tried in vain, or in the end."""
        deadline_s = time.monotonic() + timeout_s
        with self._tried:
            while not any(each.is_open for each in self._links):
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 or all(each.was_tried for each in self._links):
                    raise BrokerError(self.troubles or "no broker has answered")
                self._tried.wait(left_s)

    @property
    def troubles(self) -> str:
        """Why brokers don't let us in, in one line; empty if all have."""
        return "; ".join(each.trouble for each in self._links if each.trouble)

    @contextmanager
    def view(self) -> Iterator[Consumer]:
        """Everything that is known, which stands still in the meantime: read it quickly, and change nothing."""
        with self._lock:
            yield self._consumer

    def open_alarms(self) -> list[Alarm]:
        """Return every open alarm, each device's in the order in which they were last heard of."""
        with self._lock:
            return self._consumer.open_alarms()

    def settle(self, alarm: Alarm) -> None:
        """Forget an alarm that its device has lost: a person has found out what became of it."""
        with self._lock:
            self._consumer.devices[alarm.source].settle(alarm.alarm_id)

    def marks(self) -> dict[str, Mark]:
        """Return what to give to the next run, as its `marks`."""
        with self._lock:
            return self._consumer.marks()

    def liveness(self) -> dict[str, Liveness]:
        """Return what to give to the next run, as its `liveness`. Leave out a device that is no longer in use."""
        with self._lock:
            return self._consumer.liveness()

    def ack(
        self,
        alarm: Alarm,
        action: AckAction,
        *,
        timeout_s: float | None = None,
        key: PrivateKey | None = None,
        **more: Any,
    ) -> "Future[ResultData]":
        """Answer an alarm; `more` are the other arguments of an ack, such as `by`. See `order`.

        A close is of the presses that `alarm` has, unless `more` say otherwise. Raises ValueError for wrong arguments.
        """
        seen = {"press_count": alarm.data.press_count} if action is AckAction.CLOSED else {}
        args = AckArgs.model_validate({**seen, **more, "alarm_id": alarm.alarm_id, "action": action})
        said = args.model_dump(mode="json", exclude_none=True)
        return self.order(alarm.source, "ack", said, timeout_s=timeout_s, key=key)

    def order(
        self,
        source: str,
        name: str,
        args: Mapping[str, Any] | None = None,
        *,
        timeout_s: float | None = None,
        key: PrivateKey | None = None,
        progress: Progress | None = None,
    ) -> "Future[ResultData]":
        """Send a device an ack or a command until its final result comes, which the future then has.

        After `timeout_s` seconds the future has the last answer, or the error NoAnswerError when there was none; an ack
        of an alarm that is closed has AbandonedError. Cancel the future to give up earlier. `progress` is called before
        each repetition, and must not block. `key` takes the place of the centre's own: each person may have one. Raises
        BrokerError without a key.
        """
        key = key or self._key
        if key is None:
            raise BrokerError(f"{name} can't be signed: this centre has no key")
        if self._is_closing:
            raise BrokerError(f"{name} can't be sent: this centre is closed")
        args, now_s = args or {}, time.monotonic()
        level = f"ack/{args['alarm_id']}" if name == "ack" else f"command/{name}"
        topic = self._topic(source, level)
        deadline_s = None if timeout_s is None else now_s + timeout_s
        if progress is not None:
            progress = partial(self._guarded, progress)
        order = Order(source, topic, name, args, key, deadline_s, progress)
        with self._lock:
            self._orders.give(order, now_s)
        return order.future

    def retain_config(self, source: str, settings: Signed | None) -> dict[str, str]:
        """Have every broker keep settings for a device, which `sign_config` has made, as `retain_keys` does keys."""
        return self._retain(source, "config", settings)

    def retain_keys(self, source: str, keys: Signed | None) -> dict[str, str]:
        """Have every broker keep a key set for a device, which `sign_kept` has made; with None clear what they keep.

        Waits for each broker, 10 s at most, so don't call it on a thread of the centre. Returns the addresses of those
        that have not confirmed, each with the reason. What the device makes of it comes as a NewMessage with a
        ResultData for which `is_answered_by` of what was signed is true; a revision that is not new gets no answer.
        """
        return self._retain(source, "keys", keys)

    def _retain(self, source: str, level: str, settings: Signed | None) -> dict[str, str]:
        with self._tried:
            self._tried.wait_for(lambda: all(each.was_tried for each in self._links), _OPEN_WITHIN_S)
        topic, missing = self._topic(source, level), {}
        for url, each in zip(self.brokers, self._links, strict=True):
            try:
                each.retain(topic, settings)
            except BrokerError as error:
                missing[url] = str(error)
        return missing

    def _topic(self, source: str, level: str) -> str:
        return f"{self._root}/{source.removeprefix('/edge/')}/down/{level}"

    def _publish(self, topic: str, message: Signed) -> None:
        for each in self._links:
            each.send(topic, message)

    def _nonce_of(self, source: str) -> str | None:
        device = self._consumer.devices.get(source)
        return None if device is None else device.nonce

    def _was_tried(self, url: str, is_open: bool) -> None:
        if is_open:
            if url in self._alarm_links:
                self._alarm_links[url].start()
            self._queue.put(partial(self._hurry, time.monotonic()))
        with self._tried:
            self._tried.notify_all()

    def _hurry(self, since_s: float) -> list[Notice]:
        """Send what was sent before then, and waits: since then there is one more broker that hears it."""
        with self._lock:
            self._orders.hurry(since_s)
        return []

    def _work(self) -> None:
        """The thread `centre`: everything that comes, and everything that is due."""
        ticked_s = self._surveyed_s = self._read_s = time.monotonic()
        while not self._is_closing or self._endings:
            try:
                for number in range(_AT_ONCE):  # what an order waits for may be among them: read it before repeating
                    self._do(self._next(wait=number == 0))
            except queue.Empty:
                self._read_s = time.monotonic()
            if time.monotonic() >= ticked_s + _TICK_S:
                ticked_s = time.monotonic()
                self._do(partial(self._tick, ticked_s))
            with self._lock:
                ended, self._endings = self._endings, []
            for order, how in ended:
                _tell_future(order, how)

    def _next(self, *, wait: bool) -> Callable[[], list[Notice]]:
        """Return what is to be done next. Raises queue.Empty."""
        with suppress(queue.Empty):
            return self._ahead.get_nowait()
        return self._queue.get(block=wait, timeout=_TICK_S)

    def _do(self, call: Callable[[], list[Notice]]) -> None:
        for notice in self._guarded(call) or []:
            self._tell(notice)

    def _hear_ahead(self, url: str, heard: Heard) -> None:
        self._ahead.put(partial(self._hear, url, heard, ahead=True))
        with suppress(queue.Full):  # then the thread is awake
            self._queue.put_nowait(list)

    def _hear(self, url: str, heard: Heard, *, ahead: bool = False) -> list[Notice]:
        if self._on_heard is not None:
            self._guarded(self._on_heard, heard)
        now_s = time.monotonic()
        with self._lock:
            notices = self._consumer.hear(url, heard.topic, heard.payload, heard.retain, now_s, ahead=ahead)
            for notice in notices:
                self._act(notice, now_s)
        return notices

    def _act(self, notice: Notice, now_s: float) -> None:
        """Do for the orders what follows from a notice."""
        if isinstance(notice, NewMessage) and isinstance(notice.message.data, ResultData):
            self._endings += self._orders.hear(notice.message.source, notice.message.data, now_s)
        elif isinstance(notice, NewMessage) and not notice.message.retain and _is_birth(notice):
            self._orders.hurry(now_s, notice.message.source)
        elif isinstance(notice, AlarmChanged) and not notice.alarm.is_open:
            self._endings += self._orders.abandon(notice.alarm.source, notice.alarm.alarm_id)

    def _linked(self, url: str, up: bool, why: str) -> list[Notice]:
        now_s = time.monotonic()
        with self._lock:
            self._consumer.connection(url, up, now_s)
            if up:
                self._orders.hurry(now_s)
        if self._on_link is not None:
            self._guarded(self._on_link, url, up, why)
        return []

    def _tick(self, now_s: float) -> list[Notice]:
        with self._lock:
            self._endings += self._orders.tick(now_s)
            if now_s < self._surveyed_s + _SURVEY_S:
                return self._consumer.decide(now_s)
            was_behind, since_s = self._is_behind, min(self._surveyed_s, self._read_s)
            self._surveyed_s, self._is_behind = now_s, now_s > since_s + _BEHIND_S
            if self._is_behind:
                self._consumer.stood_still(now_s)
            if self._is_behind and not was_behind:
                _LOG.warning("%.0f s behind with reading: until that is over, nobody is reported gone", now_s - since_s)
            notices = self._consumer.tick(now_s)
            if self._key is not None and not self._is_closing:
                for source in self._consumer.rebirths(now_s):
                    self.order(source, "rebirth", timeout_s=60.0)
                for replay in self._consumer.replays(now_s):
                    self._replay(replay)
        return notices

    def _replay(self, replay: Replay) -> None:
        future = self.order(replay.source, "replay", {"first": replay.first, "last": replay.last}, timeout_s=3600.0)

        def done(answered: "Future[ResultData]") -> None:
            result = None if answered.cancelled() or answered.exception() is not None else answered.result()
            with self._lock:
                notices = self._consumer.replayed(replay, result, time.monotonic())
            for notice in notices:
                self._tell(notice)

        future.add_done_callback(done)

    def _tell(self, notice: Notice) -> None:
        if self._on_notice is not None:
            self._guarded(self._on_notice, notice)
        if self._answers is not None:
            self._guarded(self._answers.hear, notice)

    @staticmethod
    def _guarded(call: Callable[..., _T], *values: Any) -> _T | None:
        """Nothing about one device may blind us to the others, whatever the program makes of it."""
        try:
            return call(*values)
        except Exception:  # noqa: BLE001 - as the docstring says
            _LOG.exception("going on after an error")
            return None


def _is_birth(notice: NewMessage) -> bool:
    return getattr(notice.message.data, "state", None) == Presence.ONLINE


def _tell_future(order: Order, how: ResultData | BrokerError) -> None:
    if not order.future.set_running_or_notify_cancel():
        return
    if isinstance(how, ResultData):
        order.future.set_result(how)
    else:
        order.future.set_exception(how)
