"""The steps of a self-test, in order."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.core.inputs.panel import Panel
from agent.outbox.outbox import Outbox
from agent.ports import Buttons, Clock, Lights
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.alarms.siren import SirenController
from agent.runtime.selftest.steps import (
    Step,
    check_black_box,
    check_inputs,
    check_lights,
    check_siren,
    check_storage,
)
from agent.runtime.selftest.uplink_steps import WayOut

_PROBE_KEY = "self-test/probe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What is tested, and how."""

    clock: Clock
    outbox: Outbox
    read_back: Callable[[str], str | None]
    """Reads what the outbox keeps under a key from the disk. Raises StorageError."""
    buttons: Buttons
    panel: Panel
    lights: Lights
    wired: frozenset[str]
    """The lights that have a pin."""
    pipeline: Pipeline
    siren: SirenController | None
    way_out: WayOut
    chirp: bool
    siren_chirp: bool
    """Whether the sounder, and the siren, sound in every test."""
    storage_within_s: float

    def steps(self, *, siren_sounds: bool) -> Iterator[tuple[str, Step]]:
        """Yield each step with its name; `siren_sounds` has the siren sound whatever the settings say."""
        yield "inputs", check_inputs(self.buttons, self.panel.buttons, self.panel.figures)
        yield "lights", check_lights(self.lights, self.pipeline, self.wired, self.clock, chirp=self.chirp)
        if self.siren is not None:
            yield "siren", check_siren(self.siren, self.clock, chirp=siren_sounds or self.siren_chirp)
        probe = (_PROBE_KEY, secrets.token_hex(8))
        yield "storage", check_storage(self.outbox, self.read_back, probe, self.clock, self.storage_within_s)
        yield "black-box", check_black_box(self.outbox.writer)
        yield from self.way_out.steps()
