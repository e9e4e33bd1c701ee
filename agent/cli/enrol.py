"""`edge-agent enrol`: get this device its name, its certificate and its settings."""

import argparse
import getpass
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.adapters.board import Board
from agent.adapters.disk import write_file
from agent.adapters.rights import TPM_GROUP, as_owner
from agent.adapters.system_clock import SystemClock
from agent.contract import layers
from agent.contract.command_line import DEFAULT_CONFIG, add_config
from agent.contract.leaves import base64url
from agent.contract.vocabulary import TimeQuality
from agent.core import service_code
from agent.core.errors import EdgeAgentError, SettingsError, StorageError, UsageError
from agent.provisioning import progress, settings_files
from agent.provisioning.asking import Tools
from agent.provisioning.credentials import Bound, Store
from agent.provisioning.enrol import Order, enrol, fingerprint
from agent.provisioning.est import Login, RefusedError, Registrar, Shown
from agent.provisioning.progress import Step
from agent.settings import kept, load
from agent.trust import claim, openssl
from agent.trust.claim import Claim, ClaimError

REFUSED = 3
"""The exit code when asking again is no use."""
_SETTINGS_S = 60.0
_DISK_S = 30.0
_LABEL = "look at the label on the box, and ask the office for a claim for this device"
_EXAMPLE = """\
Examples:
  sudo edge-agent enrol                        then paste the claim: it is not shown
  sudo edge-agent enrol --claim-file /boot/firmware/edge-agent.claim
  sudo edge-agent enrol edge-claim1.eyJyZWdpc3RyYXIi... --name kzn/durban-station/kiosk-0001
                                               with an invitation: somebody at the office approves
  sudo edge-agent enrol --est https://est.example --ca root.pem --user kiosk-0001 --password-file secret \\
    --name kzn/durban-station/kiosk-0001       at any server of EST (RFC 7030)

Exit codes: 0 enrolled, 1 failed (run it again), 2 bad usage or settings, 3 refused (ask the office).
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "enrol",
        help="get this device its name, its certificate and its settings",
        description="Enrol this device: make a key that never leaves it, get a certificate for it, and write the "
        "settings. It can be cut off at any moment: run it again, and it goes on. A claim is a secret, so it is pasted "
        "or read from a file, and is never part of a command line.",
        epilog=_EXAMPLE,
    )
    parser.add_argument("invitation", nargs="?", metavar="INVITATION", help="of the office's poster: it has no secret")
    parser.add_argument("--claim-file", type=Path, metavar="FILE", help="the file that holds a claim or an invitation")
    parser.add_argument("--name", metavar="PROVINCE/SITE/ID", help="of this device; a claim has it already")
    parser.add_argument("--place", default="", metavar="TEXT", help="where the device is, for whoever approves")
    parser.add_argument(
        "--key", default="file", metavar="KIND", help="file (default), tpm (Debian 13), or a URI: pkcs11:token=..."
    )
    parser.add_argument("--again", action="store_true", help="even if this device has just this certificate already")
    other = parser.add_argument_group("another server of EST than a registrar")
    other.add_argument("--est", metavar="URL", help="https://HOST[:PORT]")
    other.add_argument("--ca", type=Path, metavar="FILE", help="the authority of its certificate, in PEM form")
    other.add_argument("--user", metavar="NAME", help="the login's name")
    other.add_argument("--password-file", type=Path, metavar="FILE", help="the login's password")
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Enrol; returns the exit code. Raises UsageError, SettingsError, EdgeAgentError."""
    use_provider(openssl.key_kind(args.key))
    try:
        return _run(args)
    except UsageError:
        raise
    except SettingsError as error:
        _show(args, Step.REFUSED, str(error))
        raise
    except EdgeAgentError as error:
        _show(args, Step.WAITING, str(error))
        raise


def _run(args: argparse.Namespace) -> int:
    state = state_directory(args.config)
    bound = _bound(state)
    serials = Board().serials()
    board = bound.board if bound is not None and bound.board in serials else next(iter(serials), None)
    try:
        order = _order(args, board, serials, bound)
        print(f"This board:  {board or 'has no serial number'}")
        print(f"Its name:    {order.name}")
        print(f"Registrar:   {order.registrar}")
        print("If the label on the box says something else, stop now (Ctrl-C).", flush=True)
        if (told := progress.read()) is None or told.step is not Step.WAITING:  # each line written wears the card
            _show(args, Step.WAITING, f"it asks {order.registrar} to let it in as {order.name}")
        _enrol(order, state, args)
    except (RefusedError, ClaimError) as error:
        _show(args, Step.REFUSED, str(error))
        print(f"edge-agent: refused: {error}", file=sys.stderr)
        return REFUSED
    _show(args, Step.ENROLLED, order.name)
    return 0


def _show(args: argparse.Namespace, step: Step, says: str) -> None:
    """Show it on the card and the lamps, which only this machine's own device has."""
    if args.config == DEFAULT_CONFIG and (hidden := progress.tell(step, says)) is not None:
        print(f"Warning: {hidden}", file=sys.stderr)


def use_provider(kind: openssl.KeyKind) -> None:
    """Restart this command with the provider of such a key, unless it has one or needs none. Raises UsageError."""
    needed = openssl.configuration(kind)
    if needed is None or "OPENSSL_CONF" in os.environ:
        return
    if not needed.exists():
        raise UsageError(f"{needed} is missing, which a key kept by {kind} needs: install the package edge-agent")
    os.environ["OPENSSL_CONF"] = str(needed)
    # As it was started: the package's program is isolated (-I) from whatever else is called `agent`.
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - no other process: this one, OpenSSL set up again


def tools() -> Tools:
    """Return the clock and the terminal of this machine."""
    return Tools(SystemClock(), threading.Event().wait, lambda line: print(line, flush=True))


def _enrol(order: Order, state: Path, args: argparse.Namespace) -> None:
    around = replace(tools(), stuck=partial(_show, args, Step.WAITING))
    around.wait_for_clock()
    needed = frozenset({TPM_GROUP}) if order.asked.key == "tpm" else frozenset[str]()
    get = partial(_get, order, state, args, around)
    content = as_owner(state, get, more_groups=needed, note=around.stuck)  # only root writes to the card
    _write_settings(order, content, state, args, around)
    if order.asked.key == "tpm":
        _let_units_use_the_tpm(around)
    try:
        load(args.config)
    except SettingsError as error:
        raise SettingsError(f"this device is enrolled, but its other settings have mistakes:\n{error}") from error
    # `enable --now` would leave an agent that runs with the settings, and the name, of before.
    print("Done. Start it:  sudo systemctl enable edge-agent && sudo systemctl restart edge-agent")
    print("Check it:        sudo edge-agent doctor")


def _get(
    order: Order, state: Path, args: argparse.Namespace, around: Tools, stuck: Callable[[str], object]
) -> dict[str, Any] | None:
    """Get credentials, and save what belongs in the state; return the settings, None from an EST server."""
    around = replace(around, stuck=stuck)
    store = Store(state)
    with store.locked():
        registrar = Registrar(order.registrar, order.trust)
        enrolled = enrol(order, store, registrar, around)
        _keep_service_code(order.service_code, state)
        if args.est is not None:
            return None
        shown = Shown(enrolled.certificate, enrolled.key)
        return around.until_answered(lambda: registrar.read("/registrar/settings", shown), _SETTINGS_S)


def _keep_service_code(code: str | None, state: Path) -> None:
    """Its hash; none of a claim before stays."""
    if code is None:
        settings_files.remove(state / service_code.FILE)
    else:
        content = service_code.written(service_code.hashed(code))
        write_file(state / service_code.FILE, content, 0o600)


def _let_units_use_the_tpm(around: Tools) -> None:
    if not settings_files.TPM.exists():
        around.tell("The package is not installed here, so there are no units that would have to use the TPM.")
        return
    settings_files.let_units_use_a_tpm(settings_files.TPM, settings_files.drop_ins())
    subprocess.run(["systemctl", "daemon-reload"], check=False)
    around.tell("The agent and its renewal may use the TPM.")


def _write_settings(
    order: Order, content: dict[str, Any] | None, state: Path, args: argparse.Namespace, around: Tools
) -> None:
    given: dict[str, Any] = {}
    etc = args.config.parent
    if content is not None:
        given, keys = settings_files.parse_given(content)
        settings_files.write(etc / settings_files.COMMAND_KEYS, keys)
        around.tell(f"Wrote {etc / settings_files.COMMAND_KEYS}: who may answer alarms and send commands.")
    layer = etc / f"{args.config.stem}.d" / settings_files.LAYER
    layer.parent.mkdir(exist_ok=True)
    was = _name_now(args.config)
    # Otherwise its alarms would carry the old place. Before the settings: a power cut in between would leave it.
    if was not in {None, order.name} and as_owner(state, partial(_forget, state / kept.FILE), limit_s=_DISK_S):
        os.sync()
        around.tell(f"Discarded the remote settings for {was}.")
    before = layer.read_bytes() if layer.exists() and was == order.name else None
    settings_files.write(layer, settings_files.layer(order.name, state, given).encode())
    if before is not None and _name_now(args.config) != order.name:
        settings_files.write(layer, before)
        raise EdgeAgentError("no agent starts with the registrar's settings, so those before stay: tell the office")
    around.tell(f"Wrote {layer}: name, place, brokers and credentials.")


def _forget(file: Path) -> bool:
    """Remove a file; return whether it was there."""
    is_there = file.exists()
    settings_files.remove(file)
    return is_there


def _name_now(config: Path) -> str | None:
    """Return the name under which the agent starts with these settings; None if it does not start."""
    try:
        return load(config).identity.user
    except SettingsError:
        return None


def state_directory(config: Path) -> Path:
    """Return the state directory. The settings need not be whole: enrolment completes them. Raises SettingsError."""
    storage = layers.read(config)[0].plain.get("storage", {})
    directory = storage.get("directory") if isinstance(storage, dict) else None
    if not isinstance(directory, str):
        raise SettingsError(f"{config}: [storage] directory is missing")
    return Path(directory)


def _bound(state: Path) -> Bound | None:
    """Return whose the credentials in use are; None if there are none, or nobody can say."""

    def read() -> str | None:
        current = Store(state).current()
        return None if current is None else current.bound().model_dump_json()

    with suppress(StorageError, ValidationError):
        text = as_owner(state, read, limit_s=_DISK_S)
        return None if text is None else Bound.model_validate_json(text)
    return None


def _order(args: argparse.Namespace, board: str | None, serials: Sequence[str], bound: Bound | None) -> Order:
    if args.est is not None:
        return _order_of_est(args, board)
    text = _text(args)
    found = claim.read(text)
    trust = openssl.to_pem(found.root_der)
    if not isinstance(found, Claim):
        common = {"key": args.key, "place": args.place, "again": args.again}
        return Order(_name(args), found.registrar, trust, board, **common)
    if args.invitation:
        raise ClaimError(
            "this is a claim, which is a secret, and a command line is shown to everybody on this machine: run `sudo "
            "edge-agent enrol` and paste it"
        )
    if args.name not in {None, found.name}:
        raise ClaimError(f"this claim is for {found.name}, not for {args.name}: {_LABEL}")
    if found.board in serials:
        board = found.board
    elif found.board is not None:
        here = f"board {board}" if board else "a board without a serial number"
        raise ClaimError(f"this claim is for board {found.board}, and this is {here}: {_LABEL}")
    its = fingerprint(found.text())
    is_used = bound is not None and bound.claim == its  # by this device, which asks for nothing but its settings
    if not is_used and SystemClock().quality() is not TimeQuality.UNSYNCED and found.until < time.time():
        ended = datetime.fromtimestamp(found.until, UTC)
        raise ClaimError(f"this claim has expired ({ended:%Y-%m-%d %H:%M} UTC): ask the office for a new one")
    login = Login(found.name, found.secret)
    opens = found.service_code
    return Order(found.name, found.registrar, trust, board, login, args.key, its, again=args.again, service_code=opens)


def _order_of_est(args: argparse.Namespace, board: str | None) -> Order:
    if args.ca is None or (args.user is None) != (args.password_file is None):
        raise UsageError("--est needs --ca, and --user together with --password-file")
    try:
        trust = args.ca.read_text(encoding="ascii")
        password = args.password_file.read_text().strip() if args.password_file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{error.filename if isinstance(error, OSError) else args.ca} can't be read: {error}"
        ) from error
    try:
        claim.Invitation.model_validate({"registrar": args.est, "root": base64url(b"\x30")})
    except ValueError as error:
        raise UsageError(f"--est {args.est}: an address is https://HOST or https://HOST:PORT") from error
    login = Login(args.user, password) if args.user else None
    return Order(_name(args), args.est, trust, board, login, args.key, place=args.place, again=args.again)


def _name(args: argparse.Namespace) -> str:
    if args.name is None:
        raise UsageError("say who this device is: --name PROVINCE/SITE/ID, as on the label of its box")
    try:
        return claim.whole_name(args.name)
    except ValueError as error:
        raise UsageError(f"--name {args.name}: {error}") from error


def _text(args: argparse.Namespace) -> str:
    if args.invitation:
        return str(args.invitation)
    if args.claim_file is not None:
        try:
            return str(args.claim_file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise EdgeAgentError(
                f"there is no claim in {args.claim_file}: ask the office for another one, which ends the lost one, or "
                "use the invitation of the office's poster"
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise EdgeAgentError(f"{args.claim_file} can't be read: {error}") from error
    try:
        if sys.stdin.isatty():
            text = getpass.getpass("Paste the claim (it is not shown), then Enter: ")
        else:
            text = sys.stdin.read(65536)
    except EOFError:
        text = ""
    if not text.strip():  # a slip of the finger is no refusal: the card and the lamps stay as they are
        raise UsageError(
            "no claim was pasted, and nothing has changed: run it again, and paste the whole line that begins with "
            f"{claim.PREFIX} (without a claim, give the invitation of the office's poster: edge-agent enrol --help)"
        )
    return text
