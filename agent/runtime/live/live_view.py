"""The thread `live`: takes pictures of the cameras through which somebody looks, and hands them to the broker; or has
their streams pushed.

No picture waits anywhere: one that can't leave at once is dropped. What does wait, and is never dropped, is the record:
who looks, from when, until when, and why. A look gets its first picture when its beginning is on the disk, and what is
kept of it there goes with the message of its end. So a kill loses neither.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from agent.contract.commands import LiveStartArgs
from agent.core.camera.link import LIVE as PICTURE
from agent.outbox.outbox import Outbox
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.live.answers import LiveAnswer, no_data, no_picture, not_yours, pictures_rest, unknown
from agent.runtime.live.look import KEY, Look, Looker, Pace, read_kept
from agent.runtime.live.pictures import Pictures
from agent.runtime.live.push import CameraPush
from agent.runtime.live.streams import Streams
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.supervisor import Supervisor
from agent.runtime.uplink.sender import Sender

_MOST_LOOKS = 8
_DISK_PATIENCE_S = 2.0
_STREAM_NS = 50_000_000
"""How soon to look again at a stream, and at whether an alarm waits."""
_MOST_OVER = 16
_NO_SERVER = "the settings name no media server"
_MAY_END_ANY = frozenset({"supervisor", "admin"})


class _End(NamedTuple):
    """The end of a look that is told when nothing leaves for it any more."""

    look: Look
    push: CameraPush | None
    """The stream that ends with it."""
    said: str
    detail: dict[str, Any]
    """Of how it has ended."""


class ShowsLook(Protocol):
    """The pipeline."""

    def show_look(self, looks: bool) -> None:
        """Have the beacon show that somebody looks, or no longer."""
        ...

    def has_silent(self) -> bool:
        """Return whether a silent alarm is open."""
        ...


class LiveView:
    """`start` and `stop` on the thread `commands`, `picture_came` and `restore` on any, the rest on `live`."""

    def __init__(
        self,
        context: Context,
        outbox: Outbox,
        cameras: Cameras,
        sender: Sender,
        lights: ShowsLook | None,
        streams: Streams | None = None,
        spares: Callable[[], bool] | None = None,
    ) -> None:
        """`lights` show that somebody looks, if the settings say so; without `streams` there are pictures alone."""
        self._clock = context.clock
        self._security = context.security
        self._outbox = outbox
        self._cameras = cameras
        self._sender = sender
        self._lights = lights
        self._is_lit = False
        self._lock = threading.Lock()
        self._looks: dict[str, Look] = {}
        self._pictures = Pictures(cameras, sender, context.reporter.make.identity.up)
        self._pace = Pace()
        self._streams = streams
        self._spares = spares
        self._over: dict[str, str] = {}
        """Looks that ended with their stream, and why."""
        self._ends: list[_End] = []
        self._came: queue.SimpleQueue[tuple[str, bytes | None] | None] = queue.SimpleQueue()

    @contextmanager
    def running(self, supervisor: Supervisor) -> Iterator[None]:
        """Run on a thread of its own while entered, and then end every look."""
        self.restore()
        try:
            with supervisor.thread("live", self, essential=False, wake=self.wake):
                yield
        finally:
            self.close()

    def restore(self) -> None:
        """Tell the end of the looks that an earlier run has left, as far as they are known by now. Any thread."""
        with self._lock:
            known = {*self._looks, *(end.look.live for end in self._ends)}
            for key, text in self._outbox.kept(KEY).items():
                if key.removeprefix(KEY) not in known:
                    said = "a look was ended by a restart of the agent"
                    self._security.record("live-stopped", said, {key: None}, **read_kept(key, text), why="restart")

    def start(self, args: LiveStartArgs, who: Looker) -> LiveAnswer:
        """Begin a look, or go on with one. Waits until its beginning is on the disk, 2 s at most."""
        if self._spares is not None and self._spares():
            return no_data()
        look = self._looks.get(args.live or "")
        by_pictures = args.rung == "pictures" if look is None else look.place is None
        if by_pictures and (rest_s := self._sender.pictures_rest_s()) > 0:
            return pictures_rest(rest_s)
        return self._start(args, who) if args.live is None else self._renew(args.live, args, who)

    def stop(self, live: str, who: Looker) -> LiveAnswer:
        """End a look. Waits until nothing leaves for it any more, 0.3 s at most."""
        with self._lock:
            look = self._looks.get(live)
            if look is None:
                return unknown(live)
            if not who.is_same(look.who) and who.role not in _MAY_END_ANY:
                return not_yours(look)
            push = self._end(look, "asked", ended_by=who.said)
        self._finish(push)
        self.wake()
        output = {"live": look.live, "camera": look.camera, "pictures": look.pictures}
        return LiveAnswer("ok", f"the look through {look.camera} is over", output)

    def picture_came(self, picture_id: str, jpeg: bytes | None) -> bool:
        """Take a picture, or that there is none; false if it is not one of live view. Never blocks."""
        if not picture_id.startswith(PICTURE):
            return False
        self._came.put((picture_id, jpeg))
        return True

    def wake(self) -> None:
        """End the wait of `run_once`. Any thread."""
        self._came.put(None)

    def run_once(self, timeout_s: float) -> None:
        """End what is over, ask for the pictures that are due, and send one that has come."""
        with self._lock:
            now_ns = self._clock.boottime_ns()
            self._tick_streams(now_ns)
            self._end_what_is_over(now_ns)
            self._tell_ends()
            due_ns = self._pictures.tick(now_ns, self._fps)
            due_ns += [look.ends_ns for look in self._looks.values()]
            due_ns += [now_ns + _STREAM_NS] if self._streams is not None and self._streams.is_pushing else []
            shown = any(look.is_shown and look.is_kept for look in self._looks.values())
        if self._lights is not None and shown != self._is_lit:
            self._is_lit = shown
            self._lights.show_look(shown)
        wait_s = min([timeout_s, *(max(0.0, (at_ns - now_ns) / 1e9) for at_ns in due_ns)])
        try:
            came = self._came.get(timeout=wait_s)
        except queue.Empty:
            return
        if came is not None:
            with self._lock:
                self._send(*came)

    def close(self) -> None:
        """End every look. Call it after the thread has ended."""
        with self._lock:
            pushes = [self._end(look, "restart") for look in list(self._looks.values())]
        self._finish(*pushes, *(end.push for end in self._ends))
        if self._streams is not None:
            self._streams.close()
        if self._is_lit and self._lights is not None:
            self._is_lit = False
            self._lights.show_look(False)

    def _start(self, args: LiveStartArgs, who: Looker) -> LiveAnswer:
        camera, works = self._cameras.shows(args.camera)
        if camera is None or not works:
            return no_picture(camera)
        if args.rung == "stream" and (lacks := _NO_SERVER if self._streams is None else self._streams.lacks(camera)):
            return LiveAnswer("no-stream", f"there is no stream: {lacks}")
        look = self._begin(camera, args, who)
        if isinstance(look, LiveAnswer):
            return look
        safe = self._outbox.keep(KEY + look.live, look.text())
        if not safe.wait(0 if self._outbox.writer.fault else _DISK_PATIENCE_S):
            with self._lock:
                self._end(look, "not-kept")
                self._tell_ends()
            return LiveAnswer("not-kept", "the disk does not take it, so nobody looks")
        with self._lock:
            if look.live not in self._looks:  # the agent is ending
                return unknown(look.live)
            look.is_kept = True
            if look.place is None:
                self._pictures.begin(camera, self._clock.boottime_ns())
            answer = self._answer(look, args)
        self.wake()
        return answer

    def _begin(self, camera: str, args: LiveStartArgs, who: Looker) -> Look | LiveAnswer:
        now_ns = self._clock.boottime_ns()
        ends_ns = now_ns + args.lease_s * 10**9
        is_shown = self._lights is not None and not self._lights.has_silent()
        place = self._streams.place if args.rung == "stream" and self._streams is not None else None
        look = Look(self._outbox.new_id(), camera, who, args.reason, args.fps, now_ns, ends_ns, is_shown, place)
        with self._lock:
            if len(self._looks) >= _MOST_LOOKS:
                return LiveAnswer("busy", f"{_MOST_LOOKS} look already")
            if not self._pace.allows(now_ns, begins=True):
                return LiveAnswer("busy", "too many looks have begun or gone on lately: wait a minute")
            self._looks[look.live] = look
            said = f"{who.said} looks through {camera}{look.said}: {args.reason}"
            self._security.record("live-started", said, {KEY + look.live: look.text()}, **_begun(look, args))
        return look

    def _renew(self, live: str, args: LiveStartArgs, who: Looker) -> LiveAnswer:
        with self._lock:
            now_ns = self._clock.boottime_ns()
            look = self._looks.get(live)
            if live in self._over:
                return LiveAnswer("stream-failed", f"the stream has ended: {self._over[live]}")
            if look is None or not look.gets_pictures(now_ns) or args.camera not in {None, look.camera}:
                return unknown(live)
            if not who.is_same(look.who):
                return not_yours(look)
            if not self._pace.allows(now_ns, begins=False):
                return LiveAnswer("busy", "too many looks have gone on lately: wait a minute")
            look.fps, look.ends_ns = args.fps, now_ns + args.lease_s * 10**9
            said = f"{who.said} goes on looking through {look.camera}{look.said}: {args.reason}"
            detail = {**_begun(look, args), "reason": args.reason}
            self._security.record("live-renewed", said, {}, **detail)
            answer = self._answer(look, args)
        self.wake()
        return answer

    def _finish(self, *pushes: CameraPush | None) -> None:
        """Wait until nothing leaves for these, and tell of the looks that have ended with them. Not under the lock."""
        for push in pushes:
            if push is not None:
                push.wait()
        with self._lock:
            self._tell_ends()

    # --- under the lock

    def _answer(self, look: Look, args: LiveStartArgs) -> LiveAnswer:
        looks = [each for each in self._looks.values() if each.camera == look.camera]
        output = {
            "live": look.live,
            "camera": look.camera,
            **look.rung(),
            "lease_s": args.lease_s,
            "looks": [{"live": each.live, **each.who.named()} for each in looks],
        }
        others = f", as {len(looks) - 1} more do" if len(looks) > 1 else ""
        return LiveAnswer("ok", f"looking through {look.camera}{look.said} for {args.lease_s} s{others}", output)

    def _end_what_is_over(self, now_ns: int) -> None:
        for look in list(self._looks.values()):
            if now_ns >= look.ends_ns:
                self._end(look, "lease")
            elif look.is_kept and look.place is None and self._pictures.is_blind(look.camera, now_ns):
                self._end(look, "camera")

    def _tick_streams(self, now_ns: int) -> None:
        """Have each stream pushed that somebody looks at, until the last of them ends."""
        if self._streams is None:
            return
        wanted: dict[str, int] = {}
        for look in self._looks.values():
            if look.has_stream and now_ns < look.ends_ns:
                wanted[look.camera] = max(look.ends_ns, wanted.get(look.camera, 0))
        for camera, (pictures, failure) in self._streams.tick(wanted).items():
            for look in [each for each in self._looks.values() if each.camera == camera and each.has_stream]:
                look.pictures += pictures
                if failure is not None:
                    self._end(look, "stream", failure=failure)

    def _end(self, look: Look, why: str, **more: Any) -> CameraPush | None:
        """End a look, unless that was done meanwhile; `_tell_ends` tells of it. Returns the stream that ends too."""
        if self._looks.pop(look.live, None) is None:
            return None
        others = [each for each in self._looks.values() if each.camera == look.camera]
        push = None
        if self._streams is not None and not any(each.has_stream for each in others):
            push = self._streams.leave(look.camera)
        if not any(each.place is None for each in others):
            self._pictures.end(look.camera)
        if "failure" in more:
            self._over[look.live] = more["failure"]
            self._over = dict(list(self._over.items())[-_MOST_OVER:])
        seconds = round((self._clock.boottime_ns() - look.began_ns) / 1e9, 1)
        said = f"{look.who.said} looks through {look.camera}{look.said} no longer: {more.get('failure', why)}"
        self._ends.append(_End(look, push, said, {"why": why, "seconds": seconds, **more}))
        return push

    def _tell_ends(self) -> None:
        """Tell of the looks for which nothing leaves any more."""
        for end in [each for each in self._ends if each.push is None or each.push.is_over]:
            self._ends.remove(end)
            look = end.look
            if end.push is not None:
                look.pictures += end.push.close()
            detail = {**look.detail(), **end.detail, "pictures": look.pictures}
            self._security.record("live-stopped", end.said, {KEY + look.live: None}, **detail)

    def _by_pictures(self, camera: str) -> list[Look]:
        return [look for look in self._looks.values() if look.camera == camera and look.place is None]

    def _fps(self, camera: str) -> int:
        return max(look.fps for look in self._by_pictures(camera))

    def _send(self, picture_id: str, jpeg: bytes | None) -> None:
        """Send a picture that has come for somebody who still looks."""
        now_ns = self._clock.boottime_ns()
        came = self._pictures.came(picture_id, jpeg, now_ns)
        looks = [] if came is None else [look for look in self._by_pictures(came[0]) if look.gets_pictures(now_ns)]
        if came is not None and looks and self._pictures.send(*came, now_ns):
            for look in looks:
                look.pictures += 1


def _begun(look: Look, args: LiveStartArgs) -> dict[str, Any]:
    return {**look.detail(), "fps": args.fps, "lease_s": args.lease_s}
