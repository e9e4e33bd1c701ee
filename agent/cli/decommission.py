"""`edge-agent decommission`: take this device out of use, and erase what it knows of its province."""

import argparse
import subprocess
import sys
import tomllib
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import get_args

from agent.adapters.binding import CURRENT, refuse_a_copy
from agent.adapters.board import Board
from agent.adapters.rights import TPM_GROUP, as_owner
from agent.adapters.running_agent import find_agent, keep_agents_out
from agent.adapters.systemd_unit import UNIT, ask_unit
from agent.bootstrap import specs
from agent.cli.enrol import state_directory, tools, use_provider
from agent.contract import layers
from agent.contract.command_line import add_config
from agent.contract.words import printable
from agent.core.errors import CopiedCard, EdgeAgentError, UsageError
from agent.provisioning import decommission, settings_files
from agent.provisioning.credentials import Store
from agent.provisioning.decommission import Begun
from agent.provisioning.est import RefusedError, Registrar, RegistrarError, Shown
from agent.settings import Settings, load
from agent.trust.openssl import KeyKind

_PATIENCE_S = 30.0
_SYSTEMCTL_S = 90.0
_DISK_S = 60.0
_REVOKE_S = 150.0
_CLAIM = Path("/boot/firmware/edge-agent.claim")
_RUNTIME = Path("/run/edge-agent")
_EXAMPLE = """\
Example:
  sudo edge-agent decommission

It is refused while an alarm is open or a message of an alarm waits. A power cut does no harm: run it again, and it goes
on. Exit codes: 0 done, 1 failed or refused, 2 bad usage or settings.
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "decommission",
        help="take this device out of use, and erase what it knows of its province",
        description="Have the certificate of this device revoked, and erase its key, messages, pictures and what the "
        "centre has set; the wiring stays. Then it can be enrolled anew, in another province too.",
        epilog=_EXAMPLE,
    )
    parser.add_argument("--without-registrar", action="store_true", help="erase, and have the office revoke")
    parser.add_argument("--yes", action="store_true", help="do not ask for the device's id")
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Decommission; returns the exit code. Raises UsageError, SettingsError, EdgeAgentError."""
    state = state_directory(args.config)
    etc = args.config.parent
    what = decommission.begun(etc)
    if what is None:
        what = _prepare(args, state)
    else:
        print(f"Going on with what an earlier run has begun: erasing {what.name}.")
        _stop(state)
    with keep_agents_out(state):
        in_memory = {specs.black_box(state), *(_RUNTIME.iterdir() if ask_unit() and _RUNTIME.is_dir() else ())}
        decommission.erase(state, etc, what, in_memory)
    print(f"Done: this device is no longer {what.name}. Its key, messages, pictures and settings from afar are erased.")
    for line in _left(args.config, what.name):
        print(line)
    return 0


def _prepare(args: argparse.Namespace, state: Path) -> Begun:
    """Check, ask, stop the agent, revoke, and make the mark. Raises EdgeAgentError: then nothing is erased."""
    settings = load(args.config)
    if not args.without_registrar and (kind := _key_kind(state)) is not None:
        use_provider(kind)  # it may restart this command
    what = Begun(settings.identity.user, _files(settings, args.config))
    _refuse(state, what.name)
    if not args.yes:
        _ask(settings)
    was_running = _stop(state)
    try:
        _refuse(state, what.name)  # a press of the last moment
        said = as_owner(
            state, partial(_revoke, settings, state, args), limit_s=_REVOKE_S, more_groups=frozenset({TPM_GROUP})
        )
        print(printable(said))
        decommission.begin(args.config.parent, what)
    except BaseException:
        if was_running:
            _systemctl("enable", "--now", UNIT)
        raise
    return what


def _key_kind(state: Path) -> KeyKind | None:
    """Return where the device's key is; None for a device that was set up by hand. Raises StorageError."""

    def read() -> str | None:
        current = Store(state).current()
        return None if current is None else current.bound().key

    kind = as_owner(state, read, limit_s=_DISK_S)
    return next((each for each in get_args(KeyKind) if each == kind), None)


def _refuse(state: Path, user: str) -> None:
    def why() -> str | None:
        return decommission.why_not(state, user) or _why_kept(state / "evidence")

    if (reason := as_owner(state, why, limit_s=_DISK_S)) is not None:
        raise EdgeAgentError(f"refused, and nothing is changed: {printable(reason)}")


def _why_kept(directory: Path) -> str | None:
    """Why recordings must not be erased; None if none of them is held."""
    from agent.trust.evidence.chain import FILE, held_clips  # noqa: PLC0415 - most devices have none

    try:
        held = sum(len(held_clips(path.read_bytes())) for path in directory.glob(f"*/{FILE}"))
    except OSError as error:
        raise EdgeAgentError(f"{directory} can't be read: {(error.strerror or str(error)).lower()}") from error
    if not held:
        return None
    what = "recording is" if held == 1 else "recordings are"
    return f"{held} {what} held: let the office fetch {directory}, and a supervisor release what it has (`clip-hold`)"


def _ask(settings: Settings) -> None:
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to ask: give --yes")
    print(f"This erases {settings.identity.user}: no press is heard any more, and nothing brings it back.")
    if input(f"Type its id ({settings.device.id}) to go on: ").strip() != settings.device.id:
        raise UsageError("that is not its id: nothing is changed")


def _stop(state: Path) -> bool:
    """Stop the service, also for later starts; returns whether it ran. Raises EdgeAgentError."""
    unit = ask_unit()
    was_running = unit is not None and unit.runs
    if unit is not None:
        _systemctl("disable", "--now", UNIT)
    if (agent := find_agent(state)) is not None:
        raise EdgeAgentError(f"an agent is still running (process {agent.pid}): stop it first")
    return was_running


def _systemctl(*words: str) -> None:
    try:
        subprocess.run(["systemctl", *words], capture_output=True, timeout=_SYSTEMCTL_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise EdgeAgentError(f"`systemctl {' '.join(words)}` failed: {error}") from error


def _revoke(settings: Settings, state: Path, args: argparse.Namespace) -> str:
    """Have the registrar revoke; returns what has become of it. Raises EdgeAgentError if it has not, and should."""
    name = settings.identity.user
    try:
        refuse_a_copy(settings.mqtt.cert_file, state, Board().serials)
    except CopiedCard:
        return f"This card is a copy: the certificate of {name} is the original's, and is not revoked."
    by_office = f"tell the office to revoke the certificate of {name}"
    if args.without_registrar:
        return f"Not revoked: {by_office}."
    store = Store(state)
    current = store.current()
    if current is None:
        raise EdgeAgentError(
            f"this device was set up by hand, so no registrar knows it: {by_office}, and give --without-registrar"
        )
    bound = current.bound()
    registrar = Registrar(bound.registrar, current.authorities.read_text(encoding="ascii"))
    shown = Shown(current.certificate, current.key)
    try:
        return tools().until_answered(lambda: registrar.decommission(shown), _PATIENCE_S)
    except (RegistrarError, RefusedError) as error:
        raise EdgeAgentError(
            f"not revoked, and nothing is erased: {str(error).removesuffix('.')}. Try again later; or {by_office}, and "
            "give --without-registrar"
        ) from error


def _files(settings: Settings, config: Path) -> tuple[Path, ...]:
    """Return what lies outside of the state directory and is of this province."""
    mqtt, current = settings.mqtt, settings.storage.directory / CURRENT
    named = [mqtt.ca_file, mqtt.cert_file, mqtt.key_file, settings.commands.keys]
    named += [camera.mask_file for camera in settings.cameras]
    layer = config.parent / f"{config.stem}.d" / settings_files.LAYER
    own = [each for each in named if each is not None and not each.is_relative_to(current)]
    return (
        *dict.fromkeys([*own, config.parent / settings_files.COMMAND_KEYS, layer, _CLAIM, *settings_files.drop_ins()]),
    )


def _left(config: Path, name: str) -> list[str]:
    """Say what is still there, and what can't be erased."""
    lines = ["What stays: the settings of its kind and wiring. To use it again: sudo edge-agent enrol"]
    for file in layers.files(config):
        with suppress(OSError, ValueError, AttributeError):
            device = tomllib.loads(file.read_text(encoding="utf-8")).get("device", {})
            if not {device.get(key) for key in ("province", "site", "id")}.isdisjoint(name.split("/")):
                lines.append(f"What still says who it was: {file}")
    lines += [
        "What can't be erased: a card keeps deleted data until it is overwritten. If it leaves your hands, destroy it.",
        "The system's log may name alarms: sudo journalctl --rotate --vacuum-time=1s",
    ]
    return lines
