"""Judges power supply and temperature of the board, as the firmware of a Raspberry Pi reports them."""

from collections.abc import Mapping

from agent.core.diagnosis.finding import Finding, fail, ok, unknown, warn

_SUPPLY = "use a supply of 5.1 V that gives enough current (Pi 4: 3 A, Pi 5: 5 A) and a short, thick cable"
_COOL = "give it shade, air or a heat sink: the processor slows down, and cameras process fewer frames"
_UNDERVOLTAGE, _CAPPED, _THROTTLED, _SOFT_LIMIT = 1, 2, 4, 8
_SINCE_BOOT = 16
"""The same bits, shifted left by this many, say that it was so at some time since the boot."""

WARM_C = 70.0
HOT_C = 80.0
"""From here on a Pi lowers its clock speed."""


def judge_throttled(bits: int) -> list[Finding]:
    """Judge the firmware's `get_throttled`."""
    past = bits >> _SINCE_BOOT
    findings = []
    if bits & _UNDERVOLTAGE:
        findings.append(fail("the supply is too weak: under-voltage now", _SUPPLY))
    elif past & _UNDERVOLTAGE:
        findings.append(warn("the supply was too weak at some time since the boot", _SUPPLY))
    if bits & (_CAPPED | _THROTTLED | _SOFT_LIMIT):
        findings.append(warn("the processor is slowed down now", f"if it is hot, {_COOL}; else it is the supply"))
    elif past & (_CAPPED | _THROTTLED | _SOFT_LIMIT):
        findings.append(
            warn("the processor was slowed down at some time since the boot", f"if it is hot, {_COOL}; else the supply")
        )
    return findings or [ok("the supply has been strong enough, and nothing was slowed down since the boot")]


def judge_voltage_alarm(alarm: bool) -> list[Finding]:
    """Judge the under-voltage alarm of the kernel's hwmon, for systems without `get_throttled`."""
    if alarm:
        return [fail("the supply is too weak: the kernel's under-voltage alarm is on", _SUPPLY)]
    return [ok("the kernel sees no under-voltage")]


def no_word_on_power() -> list[Finding]:
    """Return the finding that neither firmware nor kernel says anything about the supply."""
    return [unknown("neither the firmware nor the kernel reports on the supply: not a Raspberry Pi, or an old kernel")]


def judge_temperature(zones_c: Mapping[str, float]) -> list[Finding]:
    """Judge the hottest thermal zone."""
    if not zones_c:
        return [unknown("the kernel reports no temperature")]
    name, hottest_c = max(zones_c.items(), key=lambda zone: zone[1])
    text = f"{hottest_c:.0f} °C ({name})"
    if hottest_c >= HOT_C:
        return [fail(f"too hot: {text}", _COOL)]
    if hottest_c >= WARM_C:
        return [warn(f"warm: {text}, and above {HOT_C:.0f} °C it slows down", _COOL)]
    return [ok(text)]
