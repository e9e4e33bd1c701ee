"""Judges how worn the card is, in the terms of the eMMC standard (JESD84-B51)."""

from dataclasses import dataclass

from agent.core.diagnosis.finding import Finding, fail, ok, unknown, warn

_REPLACE = "replace it before it fails, and restore device.pem, device.key and the settings onto the new one"
_OLD, _WORN_OUT = 0x09, 0x0B
_EOL_WARNING, _EOL_URGENT = 2, 3


@dataclass(frozen=True, slots=True)
class Wear:
    """What the kernel says about one memory. `life` holds the estimates of type A and B, in steps of ten per cent."""

    device: str
    """For example `mmcblk0`."""
    is_card: bool
    """Whether it is an SD card, which keeps no record of its wear."""
    life: tuple[int, ...] = ()
    pre_eol: int | None = None


def judge_wear(wear: Wear | None) -> list[Finding]:
    """Judge the wear. `wear` is None if the state directory is not on a disk that can be identified."""
    if wear is None:
        return [unknown("the state directory is not on a disk that reports its wear")]
    worst = max((step for step in wear.life if step > 0), default=0)
    used = f"{wear.device} has used up {_used(worst)} of its life"
    if worst >= _WORN_OUT or wear.pre_eol == _EOL_URGENT:
        return [fail(f"{wear.device} is worn out, by its own account", _REPLACE)]
    if worst >= _OLD or wear.pre_eol == _EOL_WARNING:
        return [warn(used, _REPLACE)]
    if worst or wear.pre_eol == 1:
        return [ok(used if worst else f"{wear.device} says that its spare blocks are normal")]
    return [
        unknown(f"{wear.device} {'is an SD card, which keeps' if wear.is_card else 'gives'} no account of its wear")
    ]


def _used(step: int) -> str:
    return f"{(step - 1) * 10} to {step * 10} %" if step else "most"
