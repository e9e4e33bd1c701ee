"""What a subscriber must show: a table of scenarios. Each is a function that plays one device; its docstring says what
is sent. A new one is a function and its place in the table."""

from agent.contract.messages import Answer, Draft, Payload, Rank, SecurityData
from agent.contract.stages import Stage
from agent.contract.vocabulary import TimeQuality
from edge_centre.conform.fleet import Player
from edge_centre.conform.oversize import FAULT
from edge_centre.conform.verdict import NotTried
from edge_centre.conform.voice import Made, closed, held, now, press

_HOLE_S = 16.0
"""A hole is one 4 s after it was heard of; and then the subscriber has its time."""
_JPEG = b"\xff\xd8\xff\xe0" + bytes(2000)


def listens(d: Player) -> None:
    """A device that was there before, an alarm, a further press, a close, an orderly end."""
    d.voice.record, d.voice.seq = 40, 400
    a = d.raised()
    d.see(
        ("does not show that the device is online", lambda v: v.online),
        ("does not show the alarm", lambda v: v.shows(a.alarm_id, stage="raised", press_count=1)),
        ("does not call an actual alarm actual", lambda v: v.shows(a.alarm_id, actual=True)),
        ("does not ring once for it", lambda v: v.shows(a.alarm_id, rings=1)),
        ("calls missing what was said before it began to listen", lambda v: not v.missing),
    )
    d.alarm(a.model_copy(update={"press_count": 2}))
    d.see(("does not show a further press", lambda v: v.shows(a.alarm_id, press_count=2) and len(v.alarms) == 1))
    d.alarm(closed(a))
    d.send(d.voice.state("offline", d.bdseq))
    d.see(
        ("shows a closed alarm as open", lambda v: not v.alarms),
        ("does not notice an orderly end", lambda v: not v.online),
    )


def duplicates(d: Player) -> None:
    """An event and an alarm, each twice."""
    d.birth()
    d.send(d.event())
    a = press()
    d.send(d.alarm(a))
    d.settle()
    d.see(
        ("counts an event that came twice as two", lambda v: v.events == d.events),
        ("counts a duplicate as another alarm", lambda v: len(v.alarms) == 1),
        ("rings again for a duplicate", lambda v: v.shows(a.alarm_id, rings=1)),
    )


def disorder(d: Player) -> None:
    """A registered, and after it an older word of the same alarm; a close, and after it an older word."""
    a = d.raised()
    older = d.voice.alarm(a.model_copy(update={"press_count": 2}))
    d.alarm(held(a, "Thandi", press_count=2))
    d.send(older)
    d.settle()
    d.see(
        (
            "takes what came last for the newest: the alarm is registered",
            lambda v: v.shows(a.alarm_id, stage="registered", holder="Thandi"),
        )
    )
    older = d.voice.alarm(held(a, "Thandi", Stage.DISPATCHED))
    d.alarm(closed(a))
    d.send(older)
    d.settle()
    d.see(("opens a closed alarm for an older message", lambda v: not v.alarms))


def historical(d: Player) -> None:
    """An alarm that comes late, and is still open: people are called for it."""
    a = d.raised(historical=True)
    d.settle()
    d.see(
        ("does not show an open alarm that is late", lambda v: v.alarm(a.alarm_id) is not None),
        ("does not call people once for an open alarm that is late", lambda v: v.shows(a.alarm_id, rings=1)),
    )


def exercise(d: Player) -> None:
    """An exercise and a test."""
    d.birth()
    alarms = [press(status="exercise"), press(status="test")]
    for a in alarms:
        d.alarm(a)
    d.settle()
    d.see(
        ("does not show exercises and tests", lambda v: len(v.alarms) == len(alarms)),
        ("would send somebody out to an exercise or a test", lambda v: not any(each.actual for each in v.alarms)),
    )


def reraised(d: Player) -> None:
    """An alarm that was registered and not closed raises itself again."""
    a = d.raised()
    d.alarm(held(a, "Thandi"))
    d.see(("does not show who has the alarm", lambda v: v.shows(a.alarm_id, stage="registered", holder="Thandi")))
    d.alarm(a.model_copy(update={"reraised": 1}))
    d.see(
        ("counts an alarm that raises itself again as another one", lambda v: len(v.alarms) == 1),
        ("shows an alarm that raises itself again as answered", lambda v: v.shows(a.alarm_id, stage="raised")),
        ("shows a holder after the alarm has raised itself again", lambda v: v.shows(a.alarm_id, holder=None)),
        ("does not ring again when an alarm raises itself again", lambda v: v.shows(a.alarm_id, rings=2)),
    )


def holder(d: Player) -> None:
    """Somebody registers, somebody else takes over, and a word from before that comes late."""
    a = d.raised()
    older = d.voice.alarm(held(a, "Thandi"))
    d.alarm(held(a, "Sipho"))
    d.see(("does not show who has taken over", lambda v: v.shows(a.alarm_id, holder="Sipho")))
    d.send(older)
    d.settle()
    d.see(("gives an alarm back to whoever had it before", lambda v: v.shows(a.alarm_id, holder="Sipho")))
    d.alarm(held(a, "Sipho", held_by=Answer(issuer="night-desk", at=now())))
    d.see(("does not name a holder without a name by its issuer", lambda v: v.shows(a.alarm_id, holder="night-desk")))


def lost_will(d: Player) -> None:
    """The will of an earlier connection after a birth, then that of this connection, then a birth."""
    d.bdseq = 4
    d.birth()
    d.send(d.voice.state("lost", 4))
    d.settle()
    d.see(("takes an old will for the loss of the device", lambda v: v.online))
    d.send(d.voice.state("lost", d.bdseq))
    d.see(("does not notice the will of the connection that counts", lambda v: not v.online))
    d.birth()
    d.see(("does not notice that the device is back", lambda v: v.online))


def two_brokers(d: Player) -> None:
    """The same messages by both brokers; then a move to the second, and the will at the first."""
    if d.fleet.size < 2:
        raise NotTried("takes two brokers: give --broker twice")
    d.birth()
    a = press()
    for made in (d.alarm(a), d.event()):
        d.send(made, 1)
    d.settle(1)
    d.settle()
    d.see(
        ("counts an alarm that came by two brokers twice", lambda v: len(v.alarms) == 1),
        ("counts an event that came by two brokers twice", lambda v: v.events == d.events),
        ("rings again for what the other broker brings", lambda v: v.shows(a.alarm_id, rings=1)),
    )
    will = d.voice.state("lost", d.bdseq)
    d.birth(1)
    d.settle(1)
    d.send(will)
    d.settle()
    d.see(("takes the will at the broker that was left for the loss of the device", lambda v: v.online))


def node_lost(d: Player) -> None:
    """A broken cluster repeats an alarm and an event, long after the alarm was closed."""
    d.birth()
    a = press()
    again = [d.alarm(a), d.event()]
    for _ in range(60):
        d.event()
    d.alarm(closed(a))
    d.settle()
    for made in again * 3:
        d.send(made, d.fleet.size - 1)
    d.settle()
    d.settle(d.fleet.size - 1)
    d.see(
        ("opens a closed alarm for a message that is repeated", lambda v: not v.alarms),
        ("counts an event that is repeated late", lambda v: v.events == d.events),
    )


def clock_of_1970(d: Player) -> None:
    """A device whose clock is not set: its times fall while its numbers rise."""
    d.voice.clock = TimeQuality.UNSYNCED
    d.birth()
    a = press()
    d.alarm(a, time="1970-01-01T00:05:00.000Z")
    d.alarm(held(a, "Thandi"), time="1970-01-01T00:00:09.000Z")
    d.settle()
    d.see(
        ("does not show an alarm of a device whose clock is not set", lambda v: v.alarm(a.alarm_id) is not None),
        ("orders by a clock that is not set", lambda v: v.shows(a.alarm_id, stage="registered")),
    )


def new_epoch(d: Player) -> None:
    """An alarm; then the device begins from 1 under a new epoch, and a will of the old one comes late."""
    d.voice.seq, d.bdseq = 1000, 30
    d.birth()
    old, fresh = press(), press()
    d.alarm(old)
    d.see(("does not show the alarm", lambda v: v.shows(old.alarm_id)))
    will = d.voice.state("lost", d.bdseq)
    d.begin_epoch()
    d.birth()
    d.alarm(fresh)
    d.send(will)
    d.settle()
    d.see(
        ("takes what is said in a new epoch for old", lambda v: v.shows(fresh.alarm_id, stage="raised", rings=1)),
        ("takes a will of an earlier epoch for the loss of the device", lambda v: v.online),
        ("drops an alarm of an earlier epoch", lambda v: v.alarm(old.alarm_id) is not None),
        ("does not say that the device has lost it", lambda v: v.shows(old.alarm_id, lost=True)),
        within_s=_HOLE_S,
    )


def unknown_fields(d: Player) -> None:
    """An alarm with fields that no version has yet."""
    d.birth()
    a = press()
    data = a.model_dump(mode="json", exclude_none=True) | {"colour": {"of": ["the", "coat"]}}
    d.alarm(a, tomorrow=True, data=data)
    d.see(
        ("refuses a message with fields that it does not know", lambda v: v.shows(a.alarm_id)),
        ("calls a message bad for fields that it does not know", lambda v: v.rejected == 0),
    )


def unknown_types(d: Player) -> None:
    """Events and security events of types that no version has yet."""
    d.birth()
    up = d.voice.factory.identity.up
    d.send(d.voice.make(Draft(Rank.EVENT, up("event", "comet"), "edge.event.comet.v1", "comet", Payload())))
    told = SecurityData(kind="comet", severity="info", text="a comet")
    d.send(d.voice.make(d.voice.factory.security(told)))
    d.settle()
    d.stays("calls a message of an unknown type missing", lambda v: not v.missing, 7.0)


def garbage(d: Player) -> None:
    """What is no JSON, no envelope, or has a field of a wrong type, on every topic; then an alarm."""
    d.birth()
    a, bad = press(), press()
    wrong = [b"\x00\xff\xfe", b"{", b"[]", b'"x"', b"null", b"[" * 5000, b'{"specversion":"1.0"}', b"a" * 100_000]
    for level in ("alarm/police", "state", "alarms", "health", "result/x", "event/part-degraded"):
        for payload in wrong:
            d.send(Made(d.voice.factory.identity.up(level), payload))
    data = bad.model_dump(mode="json", exclude_none=True) | {"press_count": "many"}
    d.send(d.voice.make(d.voice.factory.alarm("raised", bad), data=data, record=0))
    d.alarm(a)
    d.settle()
    d.see(
        ("does not show an alarm after garbage", lambda v: v.shows(a.alarm_id)),
        ("shows an alarm with a field of the wrong type", lambda v: v.alarm(bad.alarm_id) is None),
        ("does not report what is none of the contract", lambda v: v.rejected > 0),
        ("takes garbage for the loss of the device", lambda v: v.online),
    )


def picture(d: Player) -> None:
    """A picture where an envelope is due."""
    d.birth()
    a = press()
    d.send(Made(d.voice.factory.identity.up("alarm", "police"), _JPEG))
    d.alarm(a)
    d.see(
        ("does not show an alarm after a picture in its place", lambda v: v.shows(a.alarm_id)),
        ("does not report a picture in place of a message", lambda v: v.rejected > 0),
    )


def wrong_source(d: Player) -> None:
    """On the topics of one device, an alarm and a `lost` in the name of another."""
    other = d.fleet.player(f"{d.voice.identity.device}-other")
    d.birth()
    other.birth()
    a = press()
    d.alarm(a, source=other.source, record=0)
    d.send(d.voice.state("lost", 9, source=other.source))
    d.settle()
    other.settle()
    for each in (d, other):
        each.see(
            ("believes a device about another one", lambda v: v.alarm(a.alarm_id) is None),
            ("takes a device for lost because another one says so", lambda v: v.online),
        )
    d.see(("does not report a message with a wrong source", lambda v: v.rejected > 0))


def vanished(d: Player) -> None:
    """An alarm that is missing in the newest list of open alarms, and was not closed."""
    a = d.raised()
    d.see(("does not show the alarm", lambda v: v.shows(a.alarm_id)))
    d.send(d.voice.open_list())
    d.settle()
    d.see(
        ("lets an alarm disappear that nobody has closed", lambda v: v.alarm(a.alarm_id) is not None),
        ("does not say that the device has lost it", lambda v: v.shows(a.alarm_id, lost=True)),
        within_s=_HOLE_S,
    )


def only_listed(d: Player) -> None:
    """An alarm that is known from the list of open alarms only; and an old list after its close."""
    d.birth()
    a = press()
    d.send(d.voice.open_list(a))
    d.see(("does not show an alarm that it knows from the list only", lambda v: v.shows(a.alarm_id, stage="raised")))
    older = d.voice.open_list(a)
    d.alarm(closed(a))
    d.send(older)
    d.settle()
    d.see(("opens a closed alarm for an older list", lambda v: not v.alarms))


def late(d: Player) -> None:
    """A number that comes 2 s after a later one, and numbers that are still on their way."""
    d.birth()
    d.event()
    held_back = d.voice.event()
    d.event()
    d.event(record=8, recordtop=8, recorddone=3)
    d.stays("calls a number missing at once: it may come within 4 s", lambda v: not v.missing, 2.0)
    d.send(held_back)
    d.stays("calls a number missing that the device still has", lambda v: not v.missing, 6.0)


def skipped(d: Player) -> None:
    """After a power cut, a device that goes on above every number that it may have given."""
    d.birth()
    d.event()
    told = SecurityData(kind="record-skipped", severity="info", text="", detail={"first": 2, "last": 1001})
    d.send(d.voice.make(d.voice.factory.security(told), record=1002))
    d.settle()
    d.stays("calls numbers missing that were never given", lambda v: not v.missing, 7.0)


def too_large(d: Player) -> None:
    """Messages as large as the broker takes, more than may be in flight; then an alarm. Played last."""
    d.birth()
    d.fleet.send_largest(d.voice.identity.up("health"))
    alarms = [d.alarm(press(), broker) for broker in range(d.fleet.size)]
    d.see((FAULT, lambda v: len(v.alarms) == len(alarms)))


SHOWING = (
    listens, duplicates, disorder, historical, exercise, reraised, holder, lost_will, two_brokers, node_lost,
    clock_of_1970, new_epoch, unknown_fields, unknown_types, garbage, picture, wrong_source, vanished, only_listed,
    late, skipped,
)  # fmt: skip
