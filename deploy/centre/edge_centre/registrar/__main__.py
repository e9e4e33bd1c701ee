"""The registrar's commands. They work on its database, also while it serves."""

import argparse
import getpass
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import segno
from cryptography.hazmat.primitives.serialization import Encoding

from agent.contract.errors import EdgeAgentError
from agent.trust.claim import spoken_service_code
from edge_centre.authority import AuthorityError
from edge_centre.registrar.config import RegistrarConfig, read_config
from edge_centre.registrar.office import Office
from edge_centre.registrar.refusal import Refusal
from edge_centre.registrar.serving import open_records, read_root, serve
from edge_centre.registrar.store import Issued
from edge_centre.registrar.wording import spoken

COPIES = 30
"""Daily copies of the database that stay."""
_PICTURES = (".svg", ".png", ".pdf")
_EXAMPLES = """\
Examples:
  sudo registrar claim durban-station kiosk-0001 --board 10000000abcdef01 --place "Platform 3" --qr claim.svg
  sudo registrar requests
  sudo registrar approve 7K3D-M9QX-A4TV
  sudo registrar refuse 7K3D-M9QX-A4TV --reason "not our kiosk"
  sudo registrar list
  sudo registrar revoke kzn/durban-station/kiosk-0001 --reason stolen
  sudo registrar copy
  sudo registrar adopt device-ca.crl
"""


def main(arguments: Sequence[str] | None = None, program: str = "registrar") -> int:
    """Run one command; return its exit code: 0 done, 1 refused, 2 wrong usage or configuration. The help names the
    program as the person has called it."""
    chosen = _parser(program).parse_args(arguments)
    try:
        config = read_config(chosen.config)
        if chosen.command == "serve":
            serve(config)
        else:
            _COMMANDS[chosen.command](config, Office(open_records(config)), chosen)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except (EdgeAgentError, AuthorityError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def _claim(config: RegistrarConfig, office: Office, chosen: argparse.Namespace) -> None:
    root = read_root(config.server_root).public_bytes(Encoding.DER)
    if chosen.qr and chosen.qr.suffix not in _PICTURES:
        raise ValueError(f"--qr {chosen.qr}: its name ends in {', '.join(_PICTURES)}")
    with ExitStack() as files:
        # Before a claim is made: it takes an older one's place.
        out, picture = (path and files.enter_context(_secret_file(path)) for path in (chosen.out, chosen.qr))
        claim = office.make_claim(
            f"{config.province}/{chosen.site}/{chosen.id}",
            root,
            who=_who(),
            board=chosen.board,
            place=chosen.place,
            replaces=chosen.replace,
            hours=chosen.hours,
        )
        if picture:
            segno.make(claim.text(), error="l").save(picture, kind=chosen.qr.suffix[1:], scale=4)
        if out:
            out.write(f"{claim.text()}\n".encode())
    until = f"Good once, until {spoken(claim.until)}."
    if claim.service_code:
        until += f"\nTell the technician the code of its service page: {spoken_service_code(claim.service_code)}"
    if out:
        print(f"{chosen.out}: copy it to the card's boot partition as edge-agent.claim. {until}")
    else:
        print(claim.text())
        print(until, file=sys.stderr)


@contextmanager
def _secret_file(path: Path) -> Iterator[IO[bytes]]:
    """Provide a new file that its owner alone may read, in place of an older one; none is left of one that fails."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        try:
            yield file
        except BaseException:
            path.unlink()
            raise


def _requests(config: RegistrarConfig, office: Office, _: argparse.Namespace) -> None:
    waiting = office.requests()
    for one in waiting:
        each = one.request
        site = config.site_of(each.name)
        when = f"asked {spoken(each.asked_at)}  from {each.address}"
        print(f"{each.code}  {each.name}  board {each.board or 'unknown'}  {when}")
        print(f"           {each.place or (site.text if site else '')}{_replaces(one.other)}")
        if one.remark:
            print(f"           NOTE: {one.remark}")
    if not waiting:
        print("No device waits.")


def _replaces(other: Issued | None) -> str:
    return f"  REPLACES board {other.board or 'unknown'}" if other else ""


def _decide(_: RegistrarConfig, office: Office, chosen: argparse.Namespace) -> None:
    keys = [each.request.key for each in office.requests() if each.request.code == chosen.code.strip().upper()]
    if not keys:
        raise Refusal(f"No device with the code {chosen.code} waits: `requests` shows those that do.", 404)
    reason = getattr(chosen, "reason", None)
    decided = office.decide(keys[0], approve=chosen.command == "approve", who=_who(), reason=reason)
    print(f"{decided.name} is {decided.state}.")


def _list(_: RegistrarConfig, office: Office, __: argparse.Namespace) -> None:
    for each, seen_at in office.devices():
        state = (
            f"REVOKED {spoken(each.revoked_at)} ({each.reason})"
            if each.revoked_at
            else f"until {spoken(each.not_after)}"
        )
        seen = f"  seen {spoken(seen_at)}" if seen_at else ""
        print(f"{each.name}  board {each.board or 'unknown'}  {state}{seen}")


def _revoke(_: RegistrarConfig, office: Office, chosen: argparse.Namespace) -> None:
    count = office.revoke(chosen.name, who=_who(), reason=chosen.reason)
    print(f"{chosen.name}: {count} certificates revoked. The brokers refuse it when they have the new revocation list.")


def _adopt(_: RegistrarConfig, office: Office, chosen: argparse.Namespace) -> None:
    print(f"{office.adopt(chosen.list.read_bytes(), who=_who())} certificates revoked that were not before.")


def _copy(config: RegistrarConfig, office: Office, _: argparse.Namespace) -> None:
    if not office.devices():  # as on a new host, whose empty database must take no copy's place
        print("No device has a certificate yet: there is nothing to copy.", file=sys.stderr)
        return
    folder = config.database.parent / "copies"
    path = folder / f"registrar-{datetime.now(UTC):%Y-%m-%d}.db"
    office.copy(path)
    for old in sorted(folder.glob("registrar-*.db"))[:-COPIES]:
        old.unlink()
    print(path)


_COMMANDS = {
    "claim": _claim,
    "requests": _requests,
    "approve": _decide,
    "refuse": _decide,
    "list": _list,
    "revoke": _revoke,
    "copy": _copy,
    "adopt": _adopt,
}


def _who() -> str:
    return f"{os.environ.get('SUDO_USER') or getpass.getuser()} (here)"


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description=__doc__,
        epilog=_EXAMPLES.replace("sudo registrar", f"sudo {program}"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, default=Path("/etc/edge-agent-registrar/registrar.toml"))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, what: str, example: str) -> argparse.ArgumentParser:
        epilog = f"example: sudo {program} {name} {example}".rstrip()
        return commands.add_parser(name, help=what, description=what, epilog=epilog)

    command("serve", "answer devices and people, behind nginx", "")
    claim = command("claim", "permit one device to enrol once", "durban-station kiosk-0001 --board 10000000abcdef01")
    claim.add_argument("site", help="the site's id")
    claim.add_argument("id", help="the device's id at that site")
    claim.add_argument("--board", help="the serial of the only board that may use it")
    claim.add_argument("--place", help="where the device is, if the site's own text is not exact enough")
    claim.add_argument("--replace", action="store_true", help="it takes the place of a device that has this name")
    claim.add_argument("--hours", type=float, default=24, help="how long it is good (24)")
    claim.add_argument("--out", type=Path, help="write it into this file instead of printing it")
    claim.add_argument("--qr", type=Path, help="write it as a QR code too: .svg, .png or .pdf")
    command("requests", "show the devices that wait for approval", "")
    approve = command("approve", "let the device with this code in", "7K3D-M9QX-A4TV")
    approve.add_argument("code", help="what the technician reads out")
    refuse = command("refuse", "turn the device with this code away", '7K3D-M9QX-A4TV --reason "not our kiosk"')
    refuse.add_argument("code", help="what the technician reads out")
    refuse.add_argument("--reason", help="what the technician is told")
    command("list", "show every device with its certificate", "")
    revoke = command("revoke", "shut a device out", "kzn/durban-station/kiosk-0001 --reason stolen")
    revoke.add_argument("name", help="province/site/id")
    revoke.add_argument("--reason", required=True, help="why: it stays in the journal")
    command("copy", f"copy the database, and print where the copy is: those of the last {COPIES} days stay", "")
    adopt = command(
        "adopt", "revoke what a broker's list has, after the database came back from a copy", "device-ca.crl"
    )
    adopt.add_argument("list", type=Path, help="/etc/mosquitto/edge-agent/device-ca.crl of a broker's host")
    return parser


if __name__ == "__main__":
    sys.exit(main())
