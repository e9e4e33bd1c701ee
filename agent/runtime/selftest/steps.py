"""The steps of a self-test that concern the kiosk itself.

Each is a generator: it yields while it waits, so that its runner can give way to a press in between, returns one line
for a person, and raises StepFailed with the reason when something is wrong.
"""

from collections.abc import Callable, Generator, Mapping
from typing import Any

from agent.contract.lamps import LightState, Pattern
from agent.contract.vocabulary import Fault
from agent.core.errors import HardwareError, StepFailed, StorageError
from agent.outbox.outbox import Outbox
from agent.outbox.writer import StoreWriter
from agent.ports import Buttons, Clock, Lights
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.alarms.siren import SirenController

Step = Generator[None, None, str]

FLASH_NS = 300_000_000
"""How long the lights are dark and then lit: long enough for an eye, and for a lamp."""
SIREN_NS = 3 * 10**9
"""How long the siren may take to do what it is told."""
_DARK = LightState(Pattern.OFF, Pattern.OFF, Pattern.OFF, Pattern.OFF)
_LIT = LightState(Pattern.ON, Pattern.ON, Pattern.STEADY, Pattern.OFF)
_LIT_WITH_CHIRP = LightState(Pattern.ON, Pattern.ON, Pattern.STEADY, Pattern.ON)


def pause(clock: Clock, until_ns: int) -> Generator[None, None, None]:
    """Wait until this time."""
    while clock.boottime_ns() < until_ns:
        yield


def check_inputs(buttons: Buttons, names: frozenset[str], figures: Callable[[], Mapping[str, Any]]) -> Step:
    """Check that every line can be read, every button (`names`) is at rest, and no input has a fault: `figures` are the
    panel's.

    A button that is pressed while no alarm is open is stuck, or its edges do not reach us. Chatter does not count: it
    is rain, and is reported anyway.
    """
    yield
    wrong = [
        f"{name}: {fault}" for name, each in figures().items() for fault in each["faults"] if fault != Fault.CHATTER
    ]
    try:
        levels = buttons.read()
    except HardwareError as error:
        raise StepFailed(str(error)) from error
    wrong += [f"{edge.input}: pressed" for edge in levels if edge.active and edge.input in names]
    if wrong:
        raise StepFailed("; ".join(wrong))
    return f"{len(levels)} lines read"


def check_lights(lights: Lights, kiosk: Pipeline, wired: frozenset[str], clock: Clock, *, chirp: bool) -> Step:
    """Check that every output can be switched off and on, as far as its pin reads back.

    An alarm that needs the lights keeps them.
    """
    wrong: dict[str, str] = {}
    try:
        for state in (_DARK, _LIT_WITH_CHIRP if chirp else _LIT):
            if not kiosk.drive_lights(state):
                raise StepFailed("an alarm needed the lights")
            yield from pause(clock, clock.boottime_ns() + FLASH_NS)
            levels = lights.levels()
            for name in sorted(wired):
                wanted = state.as_dict()[name] != Pattern.OFF
                if levels.get(name) is not wanted:
                    wrong.setdefault(name, f"{name} can't be switched {'on' if wanted else 'off'}")
    except HardwareError as error:
        raise StepFailed(str(error)) from error
    finally:
        kiosk.drive_lights(None)
    if wrong:
        raise StepFailed("; ".join(wrong.values()))
    return f"{', '.join(sorted(wired)) or 'none'} driven and read back"


def check_siren(siren: SirenController, clock: Clock, *, chirp: bool) -> Step:
    """Check that the siren is silent, as its pin reads back; with `chirp`, sound it for a moment first."""

    def until(done: Callable[[], bool], otherwise: str) -> Generator[None, None, None]:
        until_ns = clock.boottime_ns() + SIREN_NS
        while not done():
            if clock.boottime_ns() >= until_ns:
                raise StepFailed(otherwise)
            yield

    yield
    try:
        if chirp:
            siren.chirp()
            yield from until(lambda: siren.chirped is not None, "the siren was not tried")
            if not siren.chirped:
                raise StepFailed("the siren can't be switched on")
        yield from until(lambda: not siren.is_on(), "the siren can't be switched off")
    except HardwareError as error:
        raise StepFailed(str(error)) from error
    return "sounded, silent again and read back" if chirp else "silent, as it reads back; it was not sounded"


def is_flash(state: LightState) -> bool:
    """Return whether this is something that the lights show only in `check_lights`."""
    return state in {_DARK, _LIT, _LIT_WITH_CHIRP}


def check_storage(
    outbox: Outbox,
    read_back: Callable[[str], str | None],
    probe: tuple[str, str],
    clock: Clock,
    within_s: float,
) -> Step:
    """Write the value of `probe` under its key, sync it, and read it back from the disk."""
    key, value = probe
    began_ns = clock.boottime_ns()
    safe = outbox.keep(key, value)
    while not safe.is_set():
        if clock.boottime_ns() - began_ns > within_s * 1e9:
            raise StepFailed(f"the disk did not take a value within {within_s:g} s")
        yield
    took_ms = (clock.boottime_ns() - began_ns) // 1_000_000
    try:
        found = read_back(key)
    except StorageError as error:
        raise StepFailed(str(error)) from error
    if found != value:
        raise StepFailed("what was written was not there when it was read back")
    return f"written, synced and read back; the write took {took_ms} ms"


def check_black_box(writer: StoreWriter) -> Step:
    """Check that accepted messages are kept in memory that outlives the process."""
    yield
    if not writer.is_boxed:
        raise StepFailed("there is none: what is not on disk yet is lost when the agent is killed; see the log")
    return "there"
