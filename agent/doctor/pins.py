"""Checks the wiring: who holds the pins, what the inputs read, and, on request, the lights."""

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from agent.adapters import account
from agent.adapters.gpio_chip import GpioChip
from agent.adapters.gpiozero_buttons import GpiozeroButtons
from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.adapters.gpiozero_pins import open_pin_factory
from agent.adapters.running_agent import keep_agents_out
from agent.adapters.system_clock import SystemClock
from agent.bootstrap import simulation, specs
from agent.contract.lamps import LightState, Pattern
from agent.core.diagnosis.finding import Finding, fail, failure, ok, unknown
from agent.core.diagnosis.pins import AGENT_CONSUMER, InputRead, judge_levels, judge_use
from agent.core.errors import HardwareError, StorageError
from agent.doctor.check import NOT_TRIED, Device, Note

_MEMORY = "/dev/shm"  # noqa: S108 - for a directory with a random name
_SEEN_S = 1.0
"""How long each light is lit: long enough for a person who looks."""
_DARK = LightState(Pattern.OFF, Pattern.OFF, Pattern.OFF, Pattern.OFF)


def pins(device: Device, note: Note) -> Iterator[Finding]:
    """Ask the kernel who holds the pins, which disturbs nobody; then, if no agent runs, read the inputs."""
    if device.agent is not None and (device.simulate or device.agent.simulated):
        yield unknown("the pins of a simulated agent are its own", "`edge-agent sim ... inputs` shows them")
        return
    if not device.simulate:
        note("asking the kernel who holds the pins")
        wired = _wired(device)
        chip = GpioChip()
        try:
            uses = chip.uses(sorted(wired))
            runs = device.agent is not None or (device.untold and any(use.consumer == AGENT_CONSUMER for use in uses))
            held = chip.held_by(device.agent.pid) if device.agent is not None else set()
            yield from judge_use(wired, uses, agent_runs=runs, held=held)
        except PermissionError:
            yield fail(*account.why_denied(chip.path(), device.user))
            return
        except HardwareError as error:
            yield fail(str(error), "is this a Raspberry Pi, with its own kernel? see `ls /dev/gpiochip*`")
            return
    if device.untold:
        yield NOT_TRIED
    elif device.agent is None and specs.input_lines(device.settings):
        yield from _guarded(device, lambda factory: _read(device, factory), note)


def lights(device: Device, note: Note) -> Iterator[Finding]:
    """Light each lamp for a second, but only if no agent runs: its lamps mean something."""
    if device.agent is not None:
        yield unknown(
            "the running agent has the lights, and a resident would misread a trial",
            "`edge-centre command ... identify` blinks them; or stop the service: no press is heard until you start it",
        )
        return
    if device.untold:
        yield NOT_TRIED
        return
    yield from _guarded(device, lambda factory: _light_up(device, factory, note), note)


def _wired(device: Device) -> dict[int, str]:
    settings = device.settings
    wired = {line.pin: f"button {line.name}" for line in specs.input_lines(settings)}
    wired |= {each.pin: f"input {each.name}" for each in settings.inputs}
    wired |= {pin: f"light {name}" for name, pin in specs.light_pins(settings).wired().items()}
    return wired | ({settings.siren.pin: "the siren"} if settings.siren else {})


def _guarded(device: Device, use: Any, note: Note) -> Iterator[Finding]:
    """Use the pins with the state directory locked, so that an agent that starts meanwhile waits for its next try
    instead of finding a pin held."""
    with ExitStack() as stack:
        try:
            stack.enter_context(keep_agents_out(device.directory))
        except StorageError as error:
            yield unknown(f"nothing was tried, because an agent might start meanwhile: {error}")
            return
        note("opening the pins")
        # lgpio makes a FIFO there; in memory, because the disk may be full.
        memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
        os.environ["LG_WD"] = stack.enter_context(tempfile.TemporaryDirectory(dir=memory))
        try:
            factory = open_pin_factory(simulation.levels(device.settings) if device.simulate else None)
        except HardwareError as error:
            yield failure(error)
            return
        stack.callback(factory.close)
        yield from use(factory)


def _read(device: Device, factory: Any) -> Iterator[Finding]:
    lost: dict[str, str] = {}
    buttons = GpiozeroButtons(specs.input_lines(device.settings), factory, SystemClock())
    try:
        buttons.start(lambda _edge: None, lost.__setitem__)
        edges = buttons.read()
    except HardwareError as error:
        yield failure(error)
        return
    finally:
        buttons.close()
    for name, reason in lost.items():
        yield failure(f"{name}: {reason}")
    names = {button.name for button in device.settings.buttons}
    reads = [InputRead(edge.input, edge.active, edge.input in names, edge.normally_closed) for edge in edges]
    yield from judge_levels([read for read in reads if read.name not in lost])


def _light_up(device: Device, factory: Any, note: Note) -> Iterator[Finding]:
    wired = specs.light_pins(device.settings).wired()
    outputs = GpiozeroLights(specs.light_pins(device.settings), factory)
    pause = threading.Event()
    try:
        try:
            outputs.start()
        except HardwareError as error:
            yield failure(error)
        for name in [each for each in outputs.levels() if each != "tone"]:
            note(f"light {name} is on: look at it")
            outputs.show(_only(name))
            pause.wait(_SEEN_S)
            if not outputs.levels()[name]:
                yield fail(f"light {name}: its pin {wired[name]} reads back as dark", "shorted, or a dead pin")
            else:
                yield ok(f"light {name} was lit for {_SEEN_S:g} s, by its pin: was it seen?")
        outputs.show(_DARK)
    except HardwareError as error:
        yield failure(error)
    finally:
        outputs.close()


def _only(name: str) -> LightState:
    shown = {each: Pattern.ON if each == name else Pattern.OFF for each in ("yellow", "green", "beacon", "tone")}
    return LightState(**shown)
