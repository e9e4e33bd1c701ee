"""Watches a camera's pictures for tampering: is this still its scene, and do the pictures still change?"""

from collections.abc import Callable, Collection, Sequence

import numpy as np
import numpy.typing as npt

from agent.contract.vocabulary import TamperKind
from agent.core.camera.tamper import Stillness, TamperChanged, TamperJudge
from agent.vision.reference_scene import ReferenceScene
from agent.vision.scene import FEWEST_LANDMARKS, FINE, Grey, Match, Outline, Scaled, Scene, outline

Pixels = npt.NDArray[np.uint8]

_PERIOD_NS = 330_000_000
_FIRST_LOOKS = 8
"""This many pictures make the first scene."""
_FOLLOWS_NS = 60_000_000_000
"""How fast the scene follows what is seen: fast enough for the sun, too slowly for a person who stands there."""
_PALE = 10.0
"""A picture with less contrast than this teaches nothing about a known scene."""
_STUCK_S = 3.0
_MOVES_NS = 1_000_000
"""A capture time that advances by less stands still: `StreamClock` adds a nanosecond to a repeated one."""
_DARK = (16.0, 48.0)
"""The mean grey level, and the level that 1 % of the picture is above: below both it is dark."""
_LIGHT = (22.0, 64.0)
"""Above either of these it is no longer dark."""
_LIT = 40.0
_FAST_NS = 2_000_000_000
"""If it goes from lit to black within this time, something was put over the lens."""
_FAST_AT_ONCE_NS = 10_000_000_000
"""The same from one look to the next: a slow camera or processor shows nothing in between."""
_FEATURELESS = 3.0
_WHITE_ALONE = 0.9
_WHITE, _WHITE_MORE = 0.6, 0.3
_GONE = 0.7
_BARE = 0.65
_NOTHING_LEFT, _EVERYWHERE = 0.85, 36
"""What has left was not all over the view: of so many landmarks, so large a share can't have left together."""
_BLOTTED = 0.27
_PAINTED = 0.18
"""Less of the view may be what was hidden by a thing that has left."""
_MOVING = 0.2
"""A person before the lens sways in a larger share of what they hide."""
_BLURRED = 0.65


class TamperWatch:
    """Reports when a camera is tampered with, and when it is well again. One thread.

    `grey(picture, width, height)` makes a small grey picture of a BGR or grey one, and `scaled` a smaller one of that.
    `process` is called at most `frames_per_second` times a second. `kept` keeps the scene across restarts of the
    process.
    """

    def __init__(
        self,
        kinds: Collection[TamperKind],
        grey: Callable[[Pixels, int, int], Grey],
        scaled: Scaled,
        frames_per_second: float,
        kept: ReferenceScene | None = None,
    ) -> None:
        self._judge = TamperJudge(kinds)
        self._stillness = Stillness()
        self._grey = grey
        self._scaled = scaled
        self._kept = kept
        self._most_stuck = max(round(_STUCK_S * frames_per_second), 3)
        self._shape: tuple[int, ...] | None = None
        self._before: Grey | None = None
        self._scene: Scene | None = None
        self._taught = 0
        self._frame_ns = self._judged_ns = self._lit_ns = -(10**18)
        self._stuck = 0
        self._night: TamperKind | None = None

    @property
    def active(self) -> TamperKind | None:
        """The tamper that was reported and is not over."""
        return self._judge.active

    def process(self, pixels: Pixels, boottime_ns: int, small: Grey | None = None) -> Sequence[TamperChanged]:
        """Take in the picture (H x W x 3 BGR) captured at `boottime_ns`, and return what has become certain.

        `small` is a smaller grey copy of it, if there is one: to examine that is cheaper. It examines pictures a few
        times a second, however often it is called.
        """
        if 0 <= boottime_ns - self._frame_ns < _MOVES_NS:
            self._stuck += 1
            return self._judge.stuck(self._frame_ns) if self._stuck == self._most_stuck else []
        if boottime_ns < self._frame_ns:  # the camera's clock was set back
            self._judged_ns = self._lit_ns = boottime_ns - _PERIOD_NS
        self._frame_ns, self._stuck = boottime_ns, 0
        if boottime_ns - self._judged_ns < _PERIOD_NS:
            return []
        changes: list[TamperChanged] = []
        if pixels.shape != self._shape:
            if self._shape is not None:
                changes = self._begin_anew(boottime_ns)
            elif self._kept is not None and (scene := self._kept.read(pixels.shape)) is not None:
                self._scene, self._taught = scene, _FIRST_LOOKS
            self._shape = pixels.shape
        grey = self._grey(pixels if small is None else small, *FINE)
        seen = outline(grey, self._scaled)
        suspicion = self._suspicion(seen, boottime_ns) or self._still(grey, seen, boottime_ns)
        if suspicion is None:
            self._learn(seen, boottime_ns)
        self._judged_ns = boottime_ns
        return [*changes, *self._judge.update(suspicion, boottime_ns)]

    def _begin_anew(self, now_ns: int) -> list[TamperChanged]:
        self._scene = self._before = None
        self._taught = 0
        return self._judge.forget(now_ns)

    def _suspicion(self, seen: Outline, now_ns: int) -> TamperKind | None:
        scene = self._scene
        known = scene.match(seen) if scene is not None and self._taught >= _FIRST_LOOKS else None
        match = known if known is not None and known.landmarks >= FEWEST_LANDMARKS else None
        if (night := self._darkness(seen, match, now_ns)) is not None:
            return night
        if seen.saturated >= _WHITE_ALONE:
            return TamperKind.BLINDED
        if scene is None or known is None:
            return None
        if match is None:
            return TamperKind.DEFOCUSED if known.sharpness < _BLURRED else None
        if seen.saturated >= max(_WHITE, scene.saturated + _WHITE_MORE) and match.lost >= _GONE:
            return TamperKind.BLINDED
        return _change(match)

    def _darkness(self, seen: Outline, match: Match | None, now_ns: int) -> TamperKind | None:
        """Tell night from a covered lens: night comes slowly, or leaves a trace of the scene; a cap does neither."""
        mean, bright = _DARK if self._night is None else _LIGHT
        if seen.mean >= mean or seen.bright >= bright:
            self._night = None
        elif self._night is None:
            longest_ns = _FAST_AT_ONCE_NS if self._lit_ns == self._judged_ns else _FAST_NS
            fast = now_ns - self._lit_ns <= longest_ns and (match is None or match.lost >= _GONE)
            self._night = TamperKind.COVERED if fast else TamperKind.DARK
        if seen.mean >= _LIT:
            self._lit_ns = now_ns
        return self._night

    def _still(self, grey: Grey, seen: Outline, now_ns: int) -> TamperKind | None:
        same = self._before is not None and seen.contrast >= _FEATURELESS and np.array_equal(grey, self._before)
        self._before = grey
        return TamperKind.FROZEN if self._stillness.update(same, now_ns) else None

    def _learn(self, seen: Outline, now_ns: int) -> None:
        if self._scene is None or self._scene.landmarks < FEWEST_LANDMARKS:
            self._scene, self._taught = Scene(seen.coarse, seen.sharpness, seen.saturated), 1
        elif self._taught < _FIRST_LOOKS:
            self._taught += 1
            self._scene.learn(seen, 1 / self._taught)
        elif seen.contrast >= _PALE:
            passed_ns = now_ns - self._judged_ns
            self._scene.learn(seen, min(passed_ns / _FOLLOWS_NS, 0.1), passed_ns / 1e9)
            if self._kept is not None and self._judge.active is None:
                self._kept.write(self._scene, self._shape, now_ns)


def _change(match: Match) -> TamperKind | None:
    """Return what has happened to a known scene, from a picture that is neither dark nor white."""
    is_painted = match.painted >= _PAINTED
    all_gone = match.flat >= _NOTHING_LEFT and match.landmarks >= _EVERYWHERE
    if match.flat >= _BARE and (is_painted or match.bare >= _BARE or all_gone):
        return TamperKind.COVERED
    if match.lost >= _GONE and match.flat < match.lost / 2 and match.other >= match.lost / 2:
        return TamperKind.TURNED
    if match.sharpness < _BLURRED:
        return TamperKind.DEFOCUSED
    if match.flat >= _BLOTTED and is_painted and match.moving < _MOVING:
        return TamperKind.SPRAYED
    return None
