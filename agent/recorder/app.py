"""The composition root of a recorder: builds it from the spec that the core sends, and runs it."""

import logging
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from agent.adapters.av_encoder import ENCODERS, AvEncoder
from agent.adapters.child_link import CoreLink
from agent.adapters.child_threads import Ending, Worker
from agent.adapters.system_clock import SystemClock
from agent.core.camera.recorder_link import (
    BeginClip,
    EndClip,
    ExtendClip,
    FromRecorder,
    GiveStream,
    HoldClip,
    RecorderSpec,
    RecorderState,
    StartRecorder,
    StopRecorder,
    ToRecorder,
    decode_for_recorder,
)
from agent.core.errors import EdgeAgentError
from agent.core.link_lines import LinkError
from agent.recorder.backlog import Backlog
from agent.recorder.intake import Encoder, Intake
from agent.recorder.keeping import Keeping, keeping_of
from agent.recorder.pieces import Assembler
from agent.recorder.recorder import Limits, Recorder
from agent.recorder.ring import Ring
from agent.recorder.segments import Segments
from agent.recorder.sources import Pump, SocketSource, Source, StreamSource
from agent.recorder.tap import SocketTap

_log = logging.getLogger(__name__)
_LOOK_S, _STATE_S = 1.0, 5.0
"""How often it looks whether its state has changed, and how often it says it all the same."""
_HANGS_S, _OPENS_S = 10.0, 60.0
"""An encoder that takes this long for a picture is stuck in its driver; to open one, FFmpeg is loaded from the card."""
_JOIN_S = 10.0
_ORDER_S = 1.0
"""So much later than the press an order to record may come; the seconds before the press are wanted all the same."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_NOTHING = RecorderState(state="degraded", pictures=0, ring_s=0, ring_bytes=0, group_s=0, rss_bytes=0)


class _EncoderHangsError(EdgeAgentError):
    """An encoder is stuck in its driver: only the end of the process frees it."""

    def __init__(self, encoder: str | None) -> None:
        super().__init__(f"the encoder {encoder or 'that is being opened'} hangs")
        self.encoder = encoder or ""


def run(connection: socket.socket, make_keeping: Callable[[RecorderSpec], Keeping] = keeping_of) -> None:
    """Record one camera until the core says stop or is gone. Raises EdgeAgentError when that fails."""
    link = CoreLink(connection, decode_for_recorder)
    spec = link.first(StartRecorder).spec
    say = partial(_say, link)
    try:
        _record(link, say, spec, make_keeping(spec))
    except (EdgeAgentError, OSError) as error:
        say(replace(_NOTHING, detail=str(error), hangs=getattr(error, "encoder", "")))
        raise


def _say(link: CoreLink[ToRecorder], message: FromRecorder) -> None:
    """Send one message; a core that is gone is noticed by whoever receives."""
    with suppress(LinkError):
        link.send(message)


def _record(
    link: CoreLink[ToRecorder], say: Callable[[FromRecorder], None], spec: RecorderSpec, keeping: Keeping
) -> None:
    clock = SystemClock()
    ring = Ring(spec.ring_s + _ORDER_S, spec.ring_bytes)
    limits = Limits(spec.most_clips, 2 * spec.ring_bytes, spec.longest_s)
    recorder = Recorder(ring, keeping.clips, say, clock, limits)
    backlog = Backlog(Assembler(keeping.signer, clock, recorder.add), recorder, clock)
    recorder.segments = Segments(spec.camera, spec.upload)
    recorder.look = partial(backlog.at_rest, keeping.look)
    intake = Intake(
        spec.camera, spec.may_be_unmasked, backlog, partial(_encoder, spec), clock.boottime_ns, spec.frames_per_second
    )
    pump = Pump(_source(spec, intake), intake)
    ending = Ending()
    sourcing, writing = Worker("source", pump.run_once, ending), Worker("writer", recorder.run_once, ending)
    sourcing.start()
    writing.start()
    why = "stopped"
    try:
        why = _serve(link, _Report(say, recorder, intake, spec.ring_s), recorder, backlog, intake, pump, ending)
    finally:
        ending.stop()
        recorder.wake()
        sourcing.join(_JOIN_S)
        pump.close()
        writing.join(_JOIN_S)
        recorder.close(why)
    ending.raise_failure()


def _serve(
    link: CoreLink[ToRecorder],
    report: "_Report",
    recorder: Recorder,
    backlog: Backlog,
    intake: Intake,
    pump: Pump,
    ending: Ending,
) -> str:
    """Do what the core says, and report; return why that ended."""
    look_s = 0.0
    while not ending.event.is_set():
        now_s = time.monotonic()
        if now_s >= look_s:
            look_s = now_s + _LOOK_S
            report.tell(now_s)
        longest_s = _OPENS_S if intake.encoder_name is None else _HANGS_S
        if (since_s := pump.since_s) is not None and now_s - since_s > longest_s:
            raise _EncoderHangsError(intake.encoder_name)
        try:
            message = link.receive(max(look_s - now_s, 0))
        except LinkError:
            return "the agent ended"
        if isinstance(message, StopRecorder):
            return "stopped"
        if message is not None:
            _obey(message, recorder, backlog, pump)
    return "failed"


def _obey(message: ToRecorder, recorder: Recorder, backlog: Backlog, pump: Pump) -> None:
    match message:
        case BeginClip():
            backlog.begin(partial(recorder.begin, message.clip, message.seconds, message.facts))
            pump.ask()
        case ExtendClip():
            recorder.extend(message.clip, message.seconds)
        case EndClip():
            recorder.end(message.clip, "asked")
        case HoldClip():
            recorder.hold(message.clip, message.held, message.about)
        case GiveStream():
            _give(backlog, Path(message.socket))
            pump.ask()
        case _:
            pass


def _give(backlog: Backlog, path: Path) -> None:
    try:
        backlog.tap(SocketTap(path))
    except OSError as error:  # whoever listened is gone, and the core knows
        _log.warning("nobody takes the stream: %s", error.strerror)


class _Report:
    """Says the recorder's state: when it is another one, or every 5 s, since each message wakes two processes."""

    def __init__(self, say: Callable[[FromRecorder], None], recorder: Recorder, intake: Intake, full_s: float) -> None:
        """`full_s` is how many seconds make a full ring."""
        self._say = say
        self._recorder = recorder
        self._intake = intake
        self._full_s = full_s
        self._told: object = None
        self._due_s = 0.0

    def tell(self, now_s: float) -> None:
        """Say it, if it is time."""
        recorder, intake = self._recorder, self._intake
        before_s, size, group_s, clips = recorder.state()
        what = (intake.detail, intake.encoder_name, recorder.card, intake.trouble, recorder.held, clips)
        if now_s < self._due_s and (*what, int(min(before_s, self._full_s))) == self._told:
            return
        self._told, self._due_s = (*what, int(min(before_s, self._full_s))), now_s + _STATE_S
        detail, encoder, card, trouble, held, _ = what
        state = RecorderState(
            state="degraded" if detail else "ok",
            detail=detail,
            pictures=intake.pictures,
            ring_s=before_s,
            ring_bytes=size,
            group_s=group_s,
            encoder=encoder,
            clips=clips,
            card=card,
            trouble=trouble,
            held=held,
            rss_bytes=int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE,
        )
        self._say(state)


def _encoder(spec: RecorderSpec, width: int, height: int) -> Encoder:
    names = [name for name in ENCODERS if name != spec.hung]
    encoder = AvEncoder(width, height, spec.frames_per_second, spec.bit_rate, names)
    if spec.hung:
        encoder.trouble = f"the encoder {spec.hung} hung: {encoder.name} encodes in its place until the agent restarts"
    return encoder


def _source(spec: RecorderSpec, intake: Intake) -> Source:
    if spec.is_fed or spec.stream is None:
        return SocketSource(Path(spec.socket), intake.connected)
    return StreamSource(spec.camera, spec.stream)
