"""Reports tampering with the camera to the core."""

from agent.contract.uuid7 import Uuid7Source
from agent.contract.vocabulary import TamperKind
from agent.core.camera.link import CameraTamper
from agent.ports import Clock, Frame
from agent.vision.tamper import TamperWatch
from agent.vision.tamper_picture import TamperPictures

_IN_WORDS = {
    TamperKind.COVERED: "nothing of the scene is left, and nothing else can be seen",
    TamperKind.SPRAYED: "parts of the picture have lost their edges, as from paint on the glass",
    TamperKind.DEFOCUSED: "the scene is there, but its edges are no longer sharp",
    TamperKind.BLINDED: "most of the picture is white: a strong light, or the exposure is faulty",
    TamperKind.TURNED: "it shows another scene; if it should, restart the agent",
    TamperKind.FROZEN: "the picture does not change at all, or its timestamps stand still",
    TamperKind.DARK: "it is too dark to see anybody",
}
_WELL = "the picture is normal again"
_UNKNOWN = "it is not known whether it goes on: another tamper replaced it, or the picture size changed"


class TamperReporter:
    """Makes messages of tamper changes, and gives each event its identifier. One thread."""

    def __init__(self, watch: TamperWatch, clock: Clock, pictures: TamperPictures | None = None) -> None:
        """The beginning of a tamper has a picture only if `pictures` is given."""
        self._watch = watch
        self._clock = clock
        self._pictures = pictures
        self._ids = Uuid7Source()
        self._event_id = ""

    @property
    def is_active(self) -> bool:
        """Whether a tamper was reported that is not over."""
        return self._watch.active is not None

    def process(self, frame: Frame) -> list[CameraTamper]:
        """Return what this frame makes certain; frames come in order."""
        messages = []
        pictures = self._pictures
        if pictures is not None:
            pictures.see(frame)
        for change in self._watch.process(frame.pixels, frame.boottime_ns, frame.grey):
            if change.active:
                self._event_id = self._ids.next(int(self._clock.wall().timestamp() * 1000))
            messages.append(
                CameraTamper(
                    event_id=self._event_id,
                    kind=change.kind,
                    active=change.active,
                    boottime_ns=change.boottime_ns,
                    snapshot=self._event_id
                    if change.active
                    and pictures is not None
                    and pictures.write(self._event_id, change.boottime_ns, frame)
                    else None,
                    detail=_IN_WORDS[change.kind] if change.active else _WELL if change.well else _UNKNOWN,
                )
            )
        return messages
