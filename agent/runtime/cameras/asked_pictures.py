"""Pictures that somebody has asked for by a command: each is in the record, and they come too seldom to watch by."""

from collections.abc import Mapping

from agent.contract.commands import SnapshotArgs
from agent.outbox.outbox import Outbox
from agent.outbox.state import Changes
from agent.ports import Clock
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.supervision.security import SecurityLog

EVERY_S = 10
"""One of each camera, while no alarm is open: more is a look (`live-start`), which has a reason and an end."""
KEY = "snapshot/"
"""Prefix of the state that says when a camera was asked last: a restart gives no more."""


class AskedPictures:
    """Used on the thread `commands`."""

    def __init__(self, clock: Clock, outbox: Outbox, cameras: Cameras, security: SecurityLog) -> None:
        self._clock = clock
        self._outbox = outbox
        self._cameras = cameras
        self._security = security

    def ask(self, order_id: str, args: SnapshotArgs, issuer: str, *, during_alarm: bool) -> tuple[str, str]:
        """Ask a camera for a picture; return the result's code and text: `asked`, `no-camera` or `busy`."""
        camera, works = self._cameras.shows(args.camera)
        if camera is None or not works:
            return _NO_CAMERA
        if not during_alarm and (left_s := self._left_s(camera)) > 0:
            often = f"{camera} gives one picture in {EVERY_S} s while no alarm is open"
            return "busy", f"{often}: ask again in {left_s:.0f} s, or look by live-start"
        # Whoever has the record knows of it, whatever becomes of the picture.
        why = "and gives no reason" if args.reason is None else f"because: {args.reason}"
        detail = {"camera": camera, "snapshot": order_id, "issuer": issuer}
        if args.reason is not None:
            detail["reason"] = args.reason
        keep: Changes = {KEY + camera: f"{self._clock.boot_id} {self._clock.boottime_ns()}"}
        self._security.record("snapshot-asked", f"{issuer} asks {camera} for a picture {why}", keep, **detail)
        if self._cameras.snapshot(order_id, camera) is None:
            return _NO_CAMERA
        return "asked", f"asked {camera} for a picture"

    def _left_s(self, camera: str) -> float:
        """Return for how long this camera gives no other picture. Another boot took longer than that."""
        kept: Mapping[str, str] = self._outbox.kept(KEY)
        boot, _, at_ns = kept.get(KEY + camera, "").partition(" ")
        if boot != self._clock.boot_id or not at_ns.isdecimal():
            return 0.0
        return EVERY_S - (self._clock.boottime_ns() - int(at_ns)) / 1e9


_NO_CAMERA = ("no-camera", "there is no such camera, or it does not work")
