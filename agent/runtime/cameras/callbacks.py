"""What a camera process reports, for the parts of the core that it concerns."""

from typing import Protocol

from agent.contract.camera_events import CameraEventData, EventName
from agent.core.camera.link import Aim
from agent.core.camera.vision_spec import VisionSpec


class CameraCallbacks(Protocol):
    """Hears what a camera process reports. All on the link's own thread."""

    def on_respec(self, spec: VisionSpec) -> None:
        """The process is about to start anew, with this spec."""

    def on_event(self, event: EventName, data: CameraEventData) -> None:
        """Something happened before the camera."""

    def on_picture(self, picture_id: str, jpeg: bytes | None, detail: str, aim: Aim | None = None) -> None:
        """A picture that was asked for has come; None if there is none, and `detail` says why. A view has `aim`."""

    def on_state(self, works: bool, detail: str, *, transient: bool = False) -> None:
        """The camera works, or does not; if that is `transient`, it is not broken."""

    def on_delegate(self, works: bool, detail: str) -> None:
        """The delegate of the settings runs the model (`works`), or the processor does in its place."""

    def on_model(self, refused: str, retired: str = "") -> None:
        """Which model was refused or is retired, and what runs instead; empty when none was or is."""
