"""Judges who holds the pins of the settings, and what the inputs read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from agent.core.diagnosis.finding import Finding, fail, ok, warn

AGENT_CONSUMER = "lg"
"""The name that lgpio, through which the agent holds pins, gives the kernel; it is the same in every program."""
_REMOVE_OVERLAY = "remove that overlay (dtparam, dtoverlay) from config.txt and reboot, or give it another pin"
_END_PROGRAM = (
    "`sudo grep -l gpio-line /proc/[0-9]*/fdinfo/*` says which program has it through lgpio: end it, unless it is the "
    "service itself (`systemctl status edge-agent`); then give the doctor the settings of the service"
)


@dataclass(frozen=True, slots=True)
class PinUse:
    """What the kernel says about one pin. `consumer` is empty if a driver of the kernel itself gives no name."""

    pin: int
    used: bool
    consumer: str = ""

    @property
    def holder(self) -> str:
        """The holder's name, for a person."""
        return repr(self.consumer) if self.consumer else "a driver of the kernel"


def judge_use(
    wired: Mapping[int, str], uses: Sequence[PinUse], *, agent_runs: bool, held: Collection[int] = ()
) -> list[Finding]:
    """Judge who uses the pins.

    `wired` says what each pin is for, such as `button police`. `held` are the pins that the agent holds; if it is
    empty, because the kernel does not say, every pin that lgpio holds counts as the agent's.
    """
    findings = []
    for use in uses:
        what = f"pin {use.pin} of {wired[use.pin]}"
        is_lgpio = use.consumer == AGENT_CONSUMER
        ours = use.used and agent_runs and is_lgpio and (not held or use.pin in held)
        if use.used and not ours:
            findings.append(fail(f"{what} is in use by {use.holder}", _END_PROGRAM if is_lgpio else _REMOVE_OVERLAY))
        elif agent_runs and not ours:
            findings.append(
                fail(f"{what} is not held by the running agent", "see its log: `journalctl -u edge-agent -b`")
            )
    if findings:
        return findings
    if agent_runs:
        return [ok(f"the running agent holds all {len(uses)} pins of the settings")]
    return [ok(f"all {len(uses)} pins of the settings are free")]


@dataclass(frozen=True, slots=True)
class InputRead:
    """The reading of one line of an input. A supervised button has two lines."""

    name: str
    active: bool
    is_button: bool
    normally_closed: bool = False


def judge_levels(reads: Sequence[InputRead]) -> list[Finding]:
    """Judge the levels of the inputs. Everything should be at rest, with nobody at the kiosk."""
    findings = []
    for name in dict.fromkeys(read.name for read in reads):
        lines = [read for read in reads if read.name == name]
        active = [line for line in lines if line.active]
        if not active:
            continue
        if not lines[0].is_button:
            findings.append(warn(f"input {name} reports a fault of the kiosk", "door, mains or battery"))
        elif len(active) == len(lines):
            findings.append(
                fail(f"button {name} reads as pressed", "release it; or its wire is shorted, or its pull_up wrong")
            )
        else:
            dead = "open: its cable is cut" if active[0].normally_closed else "closed: it is shorted"
            findings.append(fail(f"button {name}: one of its two contacts is {dead}", "repair the wire; see pins.md"))
    return findings or [ok(f"all {len({read.name for read in reads})} inputs are at rest")]
