"""What a run means: what to do about an import that fails, and whether two processors have seen the same people."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.package.target import Target
from tests.campaigns.arm_smoke.emulator import Ended

Box = Sequence[float]
"""Left, top, width, height in pixels, and a score."""

LEAST_OVERLAP = 0.83
"""The model counts in integers, which are the same everywhere; only where a layer's result is rounded may processors
differ, by a step or two. A step of its sizes, 0.27 of a cell of the grid, is 5 % of the width and 2 % of the height of
the narrowest person there, a step of the place 0.6 %: boxes two steps apart in size, one in place, overlap by 0.85."""
MOST_SCORE = 0.08
"""Two steps of the score, 0.15 each before the sigmoid, whose slope is 0.25 at the most."""


@dataclass(slots=True)
class Told:
    """What a probe has told so far."""

    trying: str = "to start"
    imported: int = 0
    """How many modules were tried."""
    import_s: float = 0.0
    look_s: float = 0.0
    failed: dict[str, str] = field(default_factory=dict)
    """Module, error."""
    decoded: float | None = None
    """Mean difference of the picture that it decoded to the one that this machine did."""
    seen: list[Box] | None = None
    ended: Ended | None = None
    """How, when it did not end well."""

    def hear(self, line: dict[str, Any]) -> None:
        """Take one line."""
        match line:
            case {"trying": what}:
                self.trying = what
            case {"failed": name, "error": error}:
                self.failed[name] = error
            case {"imported": count, "seconds": seconds}:
                self.imported, self.import_s = count, seconds
            case {"decoded": difference}:
                self.decoded = difference
            case {"seen": people, "seconds": seconds}:
                self.seen, self.look_s = people, seconds


def judge(told: Told, target: Target, processor: str, here: Sequence[Box], most_different: float) -> list[str]:
    """What is wrong, with what to do; nothing when all is well.

    `here` is what this machine saw in the same picture, `most_different` how far its decoded picture may be from ours.
    """
    faults = [
        f"{_named(names)} can't be imported: {error}\n      → {remedy(error, target)}"
        for error, names in _by_error(told.failed).items()
    ]
    if told.ended is not None:
        why = crash(told.ended.code, processor)
        return [*faults, f"it tries {told.trying}, and dies: {why}{_quoted(told.ended.said)}"]
    if told.decoded is None or told.seen is None:
        return [*faults, f"it tries {told.trying}, and ends before it is through"]
    if told.decoded >= most_different:
        faults.append(f"it decodes another picture: {told.decoded:.1f} off, and the next one is {most_different:.1f}")
    return [*faults, *misseen(here, told.seen)]


def remedy(error: str, target: Target) -> str:
    """What to do when something of the package for `target` can't be imported."""
    if found := re.search(r"GLIBC(?:XX)?_[\d.]+'? not found", error):
        return f"the wheel wants a newer Debian ({found[0]}): pin an older one in deploy/package/target.py"
    if found := re.search(r"(\S+\.so[.\d]*): cannot open shared object", error):
        return f"let the package depend on what has {found[1]}: LIBRARIES in deploy/package/control.py"
    if found := re.search(r"No module named '([\w.]+)'", error):
        missing = found[1].partition(".")[0]
        if missing == "agent":
            return f"the agent's wheel has no {found[1]}: see [tool.hatch.build.targets.wheel] in pyproject.toml"
        if missing.lower() in {re.sub(r"[-.]", "_", each) for each in target.excluded}:
            return f"it is loaded after all: deploy/package/target.py must not exclude {missing}; then `make dist-lock`"
        return f"{target.lock.name} has no {missing}: name it in pyproject.toml, then `make dist-lock`"
    return "an older version may do: pin it in deploy/package/target.py, then `make dist-lock`"


def crash(code: int, processor: str) -> str:
    """Why an emulated program has ended with `code`."""
    if code == -4:
        return f"it has an instruction that {processor} has not: pin an older wheel in deploy/package/target.py"
    if code == -9:
        return "it did not end in its time, and was killed"
    return f"it died of signal {-code}" if code < 0 else f"it ended with {code}"


def misseen(here: Sequence[Box], there: Sequence[Box]) -> list[str]:
    """What `there` saw otherwise than `here` in the same picture; nothing when it is the same but for rounding."""
    if not here:
        return ["this machine sees nobody in the picture: `make model --force`"]
    if len(here) != len(there):
        return [f"it sees {len(there)} people, and this machine sees {len(here)}"]
    faults = []
    for box in here:
        nearest = max(there, key=lambda other: overlap(box, other))
        shared, score = overlap(box, nearest), abs(box[4] - nearest[4])
        if shared < LEAST_OVERLAP or score > MOST_SCORE:
            where = f"the person at {box[0]:.0f}, {box[1]:.0f}"
            faults.append(f"it sees {where} otherwise: boxes overlap by {shared:.2f}, scores differ by {score:.3f}")
    return faults


def overlap(one: Box, other: Box) -> float:
    """Area that two boxes share, over the area that they cover together: 0 to 1."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def _by_error(failed: dict[str, str]) -> dict[str, list[str]]:
    """One library that is missing fails everything that imports it."""
    found: dict[str, list[str]] = {}
    for name, error in failed.items():
        found.setdefault(error, []).append(name)
    return found


def _named(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} (and {len(names) - 1} more for the same reason)"


def _quoted(said: str) -> str:
    return f"\n      it said: {said}" if said else ""
