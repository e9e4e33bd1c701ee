"""Whether settings and boot configuration agree on every pin."""

from collections.abc import Iterator

from agent.bootstrap.specs import input_lines
from agent.settings import Settings
from deploy.wiring.boot import Boot, PinAtBoot, read_boot
from deploy.wiring.header import EEPROM, PULLED_UP_AT_RESET, Board


def conflicts(settings: Settings, config: str, command_line: str, board: Board) -> list[str]:
    """One line for each thing that is wrong; settings are valid, so that they give no pin away twice."""
    boot = read_boot(config, command_line, board)
    found = [*boot.mistakes, *_claims(settings, boot), *_inputs(settings, boot), *_outputs(settings, boot)]
    for pin, state in boot.pins.items():
        if pin not in _users(settings):
            found.append(f"{state.place}: sets up GPIO{pin}, which the settings do not use")
    return found


def outputs(settings: Settings) -> dict[int, tuple[str, bool]]:
    """Each output: its user, and whether it must be high until the agent runs."""
    pins = {pin: (f"light {name!r}", False) for name, pin in settings.lights.model_dump().items() if pin is not None}
    if settings.siren is not None:
        pins[settings.siren.pin] = ("the siren", not settings.siren.active_high)
    return pins


def _users(settings: Settings) -> dict[int, str]:
    users = {line.pin: f"input {line.name!r}" for line in input_lines(settings)}
    return users | {pin: user for pin, (user, _) in outputs(settings).items()}


def _claims(settings: Settings, boot: Boot) -> Iterator[str]:
    users = _users(settings)
    others: dict[int, str] = {}
    for claim in boot.claims:
        for pin in claim.pins:
            if pin in users:
                yield f"{claim.place}: GPIO{pin} is taken by {claim.user}; the settings give it to {users[pin]}"
            if pin in EEPROM:
                yield f"{claim.place}: GPIO{pin} belongs to the EEPROM of add-on boards; {claim.user} takes it"
            if not (
                others.get(pin, claim.user) == claim.user or {"I2C", "the clock on I2C"} >= {others[pin], claim.user}
            ):
                yield f"{claim.place}: GPIO{pin} is taken by both {others[pin]} and {claim.user}"
            others.setdefault(pin, claim.user)


def _inputs(settings: Settings, boot: Boot) -> Iterator[str]:
    for line in input_lines(settings):
        state = boot.pins.get(line.pin, PinAtBoot("config.txt"))
        what = f"{state.place}: GPIO{line.pin}, input {line.name!r},"
        if state.output:
            yield f"{what} is an output at boot: it drives against the contact"
        pulled_up = state.pull == "pu" if state.pull else line.pin in PULLED_UP_AT_RESET
        if state.pull in {"pn", "np"} or pulled_up != line.pull_up:
            yield f"{what} has no pull-{'up' if line.pull_up else 'down'} at boot"


def _outputs(settings: Settings, boot: Boot) -> Iterator[str]:
    for pin, (user, high_wanted) in outputs(settings).items():
        state = boot.pins.get(pin, PinAtBoot("config.txt"))
        what = f"{state.place}: GPIO{pin}, {user},"
        if not state.output:
            yield f"{what} is no output at boot, and floats until the agent runs"
        elif bool(state.high) != high_wanted:
            yield f"{what} is {'high' if state.high else 'low'} at boot: it would be on"
