"""Every camera of the device, each behind its own link."""

import queue
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from agent.contract.messages import AlarmCamera
from agent.core.camera.link import VIEW, Aim, Heartbeat
from agent.core.camera.vision_spec import VisionSpec
from agent.runtime.cameras.vision_link import VisionLink
from agent.runtime.recording.recordings import Recordings
from agent.runtime.supervision.health import HealthBoard

_VIEW_S = 5.0


class View(NamedTuple):
    """A picture for somebody in front of the device, with its masks; None, and `detail` says why there is none."""

    jpeg: bytes | None
    detail: str = ""
    aim: Aim | None = None


class Cameras:
    """Asks cameras for pictures and figures. Never waits for one. Any thread."""

    def __init__(self, board: HealthBoard) -> None:
        board.add_figures("cameras", self.figures)
        self._links: tuple[VisionLink, ...] = ()
        self._recordings: Recordings | None = None
        self._views: dict[str, queue.SimpleQueue[View]] = {}

    def connect(self, links: Sequence[VisionLink], recordings: Recordings | None = None) -> None:
        """Use these links from now on, and tell of the recorders beside them. Before the threads run."""
        self._links = tuple(links)
        self._recordings = recordings

    def respec(self, specs: Iterable[VisionSpec]) -> None:
        """Restart the processes of these cameras, each with its new spec."""
        for spec in specs:
            next(link for link in self._links if link.camera == spec.name).respec(spec)

    def capture(self, alarm_id: str) -> AlarmCamera | None:
        """Ask the first working camera for a picture under `alarm_id`, and return what it sees now. Cameras that have
        processed a frame come first.

        Without a working camera, returns only the name of the first one; without any camera, None. Who is in view is
        left out while the camera has processed no frame.
        """
        for link in sorted(self._links, key=_has_picture, reverse=True):
            if link.take_snapshot(alarm_id):
                if not _has_picture(link):
                    return AlarmCamera(name=link.camera, snapshot=alarm_id)
                seen = link.in_view
                return AlarmCamera(
                    name=link.camera,
                    persons=seen.persons,
                    tracks=seen.tracks,
                    snapshot=alarm_id,
                    converging=link.converging,
                )
        return AlarmCamera(name=self._links[0].camera) if self._links else None

    def snapshot(self, picture_id: str, camera: str | None, max_bytes: int | None = None) -> str | None:
        """Ask the named camera, or the first one, for a picture; returns its name, or None if it does not work."""
        for link in self._links:
            if camera in {None, link.camera}:
                return link.camera if link.take_snapshot(picture_id, max_bytes) else None
        return None

    def shows(self, camera: str | None) -> tuple[str | None, bool]:
        """Return the name of that camera, or of the first one (None: there is none), and whether it gives pictures."""
        for link in self._links:
            if camera in {None, link.camera}:
                return link.camera, link.works
        return None, False

    def view(self, camera: str) -> View:
        """Return a picture that goes to nobody but whoever asks. It waits: never on a thread that a press or a camera
        needs."""
        picture_id, came = f"{VIEW}{secrets.token_hex(8)}", queue.SimpleQueue[View]()
        self._views[picture_id] = came
        try:
            if self.snapshot(picture_id, camera) is None:
                return View(None, "it does not work now")
            return came.get(timeout=_VIEW_S)
        except queue.Empty:
            return View(None, f"no picture came within {_VIEW_S:g} s")
        finally:
            del self._views[picture_id]

    def view_came(self, picture_id: str, view: View) -> bool:
        """Take the answer to a view; false if it is none."""
        if (came := self._views.get(picture_id)) is not None:
            came.put(view)
        return picture_id.startswith(VIEW)

    def figures(self) -> Mapping[str, dict[str, Any]]:
        """Return, by camera, the last report of its process, if one runs, the tampers that are active, and what its
        recorder last said, if it has one."""
        figures: dict[str, dict[str, Any]] = {}
        for link in self._links:
            report, impairments = link.heartbeat, link.impairments.figures()
            if report is not None or impairments["tampers"]:
                figures[link.camera] = {**({} if report is None else _figures(report)), **impairments}
        for camera, recording in (self._recordings.figures() if self._recordings else {}).items():
            figures.setdefault(camera, {"tampers": []})["recording"] = recording
        return figures


def _has_picture(link: VisionLink) -> bool:
    """Return whether the camera has processed a frame. A person in view shows it before the heartbeat does, which comes
    up to a second after the first frame."""
    report = link.heartbeat
    return bool(link.in_view.persons) or (report is not None and report.frames > 0)


def _figures(report: Heartbeat) -> dict[str, Any]:
    unstated = {name for name in ("stated_frames_per_second", "never_moving") if getattr(report, name) in (None, ())}
    return report.model_dump(mode="json", exclude={"t", *unstated})
