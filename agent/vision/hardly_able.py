"""Reports to the core that the camera is hardly able to see: too dark, out of focus, dirty, or mounted turned."""

from collections.abc import Callable

from agent.contract.uuid7 import Uuid7Source
from agent.contract.vocabulary import SightTrouble
from agent.core.camera.hardly_able import SightJudge
from agent.core.camera.link import HardlyAbleToSee
from agent.ports import Clock
from agent.vision.clarity import Clarity
from agent.vision.sight import Seen

_DARK_SHARE, _DARK_LEVEL = 0.97, 64
"""Too dark: this share of the picture is darker than this grey level..."""
_NOISY_MEAN, _NOISE_TIMES = 80.0, 8.0
"""...or it is darker than this in the mean, and dark and light differ by less than so many times the noise."""
_BLURRED = 0.25
"""See `Clarity.sharpness`. A picture enlarged by three, as by a digital zoom, is still above it."""
_PALE, _BLACK = 32, 50
"""As through dirt or fog: levels differ by less than the first, and not even the darkest is below the second..."""
_TEXTURED = 0.3
"""...though at least this share of the picture shows something: else it may be a plain wall."""

_IN_WORDS = {
    SightTrouble.TOO_DARK: "the picture is too dark to find people reliably: add a light, or check the camera's own",
    SightTrouble.BLURRED: "the picture is blurred, so people far away are missed: focus the lens, and wipe off water or"
    " grease",
    SightTrouble.HAZY: "the picture is pale, as through dirt or fog: clean the glass or the dome, inside too",
    SightTrouble.SIDEWAYS: "people appear to lie on their side: turn the camera by a quarter, until they are upright",
    SightTrouble.UPSIDE_DOWN: "people appear upside down: turn the camera by half, until they are upright",
}
_WELL = "the picture is good again"
_UNKNOWN = "it is not known whether it goes on: something else is reported instead"


class HardlyAbleReporter:
    """Judges each new measurement, and makes messages of what lasts. One thread."""

    def __init__(self, is_tampered: Callable[[], bool], clock: Clock) -> None:
        """While `is_tampered`, nothing is reported: the tamper is."""
        self._is_tampered = is_tampered
        self._clock = clock
        self._judge = SightJudge()
        self._judged: Clarity | None = None
        self._ids = Uuid7Source()
        self._event_id = ""

    def process(self, seen: Seen, boottime_ns: int) -> list[HardlyAbleToSee]:
        """Return what the newest measurement makes certain, if it is new; `boottime_ns` is that of the frame."""
        clarity = seen.clarity
        if clarity is None or clarity is self._judged:
            return []
        self._judged = clarity
        if self._is_tampered():
            changes = self._judge.hush(boottime_ns)
        else:
            changes = self._judge.update(_trouble(clarity, seen.quarters), boottime_ns)
        messages = []
        for change in changes:
            if change.active:
                self._event_id = self._ids.next(int(self._clock.wall().timestamp() * 1000))
            messages.append(
                HardlyAbleToSee(
                    event_id=self._event_id,
                    reason=change.reason,
                    active=change.active,
                    boottime_ns=change.boottime_ns,
                    detail=_IN_WORDS[change.reason] if change.active else _WELL if change.well else _UNKNOWN,
                )
            )
        return messages


def _trouble(clarity: Clarity, quarters: int) -> SightTrouble | None:
    if not clarity.levels.any():  # a mask covers all of it
        return None
    dark, bright = clarity.level(0.01), clarity.level(0.99)
    noisy = clarity.mean < _NOISY_MEAN and bright - dark < _NOISE_TIMES * clarity.noise
    if clarity.level(_DARK_SHARE) < _DARK_LEVEL or noisy:
        return SightTrouble.TOO_DARK
    if clarity.textured >= _TEXTURED and dark >= _BLACK and bright - dark < _PALE:
        return SightTrouble.HAZY
    if clarity.sharpness is not None and clarity.sharpness < _BLURRED:
        return SightTrouble.BLURRED
    if quarters:
        return SightTrouble.UPSIDE_DOWN if quarters == 2 else SightTrouble.SIDEWAYS
    return None
