"""`make image`: puts everything that belongs to one device onto the boot partition of its card."""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from agent import __version__
from agent.contract.errors import EdgeAgentError
from agent.trust import claim as claims
from deploy.card import boot_lines, systems
from deploy.card.errors import CardError
from deploy.card.partition import Partition
from deploy.card.systems import Login
from deploy.package.target import RELEASES, TARGETS, TRIXIE, Release

PROJECT = Path(__file__).parents[2]
PROFILES = PROJECT / "firmware_configs"
CLAIM = "edge-agent.claim"
PROFILE = "edge-agent.profile"
_HERE = Path(__file__).parent
_WHAT = {
    "config.txt": "the profile's lines, at its end",
    "cmdline.txt": "memory limits",
    CLAIM: "the permission to enrol: a secret, gone as soon as it is used",
    PROFILE: "which settings the package takes",
    systems.SCRIPT: "what the first start does",
    systems.UNIT: "and goes on doing until it has ended well",
    "vendor-data": "has cloud-init begin with it",
    systems.FIRSTRUN: "has systemd begin with it",
    "custom.toml": "its name in the network, and the login",
    "ssh": "switches ssh on",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Prepare the card that the command line names; return 0 when it is ready."""
    parser = argparse.ArgumentParser(prog="make image", description=__doc__)
    parser.add_argument("--profile", default="", help="the kind of device: a folder of firmware_configs")
    parser.add_argument("--out", type=_path, help="where the card's boot partition is mounted (/media/$USER/bootfs)")
    parser.add_argument("--release", choices=[each.name for each in RELEASES], help="refuse a card of another one")
    parser.add_argument("--arch", choices=["arm64", "armhf"], default="arm64", help="armhf: for the 32-bit system")
    parser.add_argument("--device", help="PROVINCE/SITE/ID: gets a claim for it, by deploy/province claim")
    parser.add_argument("--board", help="with --device: the serial of the only board that may use the claim")
    parser.add_argument("--claim", type=_path, help="the file with a claim that the office has made already")
    parser.add_argument("--ssh-key", type=_path, help="whoever has one of these public keys may log in")
    parser.add_argument("--login", default="technician", help="the name to log in with (%(default)s)")
    parser.add_argument("--wifi", action="store_true", help="leave Wi-Fi on where the profile switches it off")
    parser.add_argument("--dist", type=Path, default=PROJECT / "dist", help="where the packages are")
    args = parser.parse_args(argv)
    out = args.out or Path("/media", os.environ.get("USER", "root"), "bootfs")
    try:
        print(*_prepare(args, out), sep="\n")
    except (EdgeAgentError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _path(text: str) -> Path:
    """A shell that has handed ~ on through make has not looked what it stands for."""
    return Path(text).expanduser()


def _prepare(args: argparse.Namespace, out: Path) -> list[str]:
    lines = _profile(args.profile)
    card = Partition(out)
    _refuse_another(card.release, args.release)
    package = _package(card.release, args.arch, args.dist)
    login = _login(args.login, args.ssh_key) if args.ssh_key else systems.earlier(card.texts)
    if boot_lines.wifi_is_off(lines) and not args.wifi and _has_wifi(card):
        raise CardError(
            f"the Imager has given this card a Wi-Fi network, and {args.profile} switches Wi-Fi off: add WIFI=1, "
            "or write the card without one"
        )
    text, claim = _claim(args), None
    if text is not None:
        claim = _checked(text, str(args.claim or args.device))
    elif (out / CLAIM).is_file():
        claim = _checked((out / CLAIM).read_text(encoding="utf-8"), "the claim on this card")
    system = systems.trixie if card.release == TRIXIE else systems.bookworm
    texts = {
        "config.txt": boot_lines.config(card.texts["config.txt"], lines, args.wifi),
        "cmdline.txt": boot_lines.command_line(card.texts["cmdline.txt"], boot_lines.WORDS),
    }
    hostname = claim.name.rpartition("/")[2] if claim else None
    texts |= system({**card.texts, **texts}, login, hostname)
    texts |= {each: (_HERE / each).read_text(encoding="utf-8") for each in (systems.UNIT, systems.SCRIPT)}
    texts[PROFILE] = f"{args.profile}\n"
    if text is not None:
        texts[CLAIM] = text
    # What makes the card begin with them comes last: it may be pulled out meanwhile.
    texts["cmdline.txt"] = texts.pop("cmdline.txt")
    files = {each: content.encode(errors="surrogateescape") for each, content in texts.items()}
    done = card.write({package.name: package.read_bytes(), **files}, CLAIM)
    old = card.remove_others("edge-agent_*.deb", package.name)
    return [*_said(done, old), *_next(args, card.release, claim)]


def _profile(name: str) -> str:
    path = PROFILES / name / "config.txt"
    if not name or not path.is_file():
        known = ", ".join(sorted(each.parent.name for each in PROFILES.glob("*/config.txt")))
        raise CardError(f"there is no profile {name!r}: give PROFILE= one of {known}")
    return path.read_text(encoding="utf-8")


def _refuse_another(found: Release, wanted: str | None) -> None:
    if wanted and found.name != wanted:
        raise CardError(
            f"this card has Raspberry Pi OS {found.name.capitalize()}, and not {wanted.capitalize()}: write "
            f"{wanted.capitalize()} to it, or give RELEASE={found.name}"
        )


def _package(release: Release, arch: str, dist: Path) -> Path:
    path = dist / TARGETS[f"{release.name}-{arch}"].file_name(__version__)
    if not path.is_file():
        raise CardError(f"{path} is not built: make dist ARCH={arch} RELEASE={release.name}")
    return path


def _login(user: str, path: Path) -> Login:
    text = path.read_text(encoding="utf-8")
    keys = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if "PRIVATE KEY" in text:
        raise CardError(f"{path} is a private key: give the public half, {path}.pub")
    if not keys or not all(re.match(r"(sk-)?(ssh|ecdsa)-\S+ [A-Za-z0-9+/=]+( |$)", key) for key in keys):
        raise CardError(
            f"{path} has no public key of ssh on each line: ssh-keygen makes one, in a file that ends with .pub"
        )
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,30}", user):
        raise CardError(f"{user!r} can't be a login: small letters, digits, - and _, with a letter first")
    return Login(user, tuple(keys))


def _has_wifi(card: Partition) -> bool:
    network, first = card.texts.get("network-config", ""), card.texts.get("firstrun.sh", "")
    return bool(re.search(r"^ *wifis:", network, re.MULTILINE)) or "set_wlan " in first


def _claim(args: argparse.Namespace) -> str | None:
    """Asked for last of all: a card that is refused uses none up. One from deploy/province never lies on this disk."""
    if args.claim and args.device:
        raise CardError("a claim has the device's name in it: give CLAIM= or DEVICE=, not both")
    if args.claim:
        return str(args.claim.read_text(encoding="utf-8"))
    if not args.device:
        return None
    try:
        claims.whole_name(args.device)
    except ValueError as error:
        raise CardError(f"DEVICE={args.device}: {error}") from None
    command = [str(PROJECT / "deploy/province"), "claim", *args.device.split("/")]
    command += ["--board", args.board] if args.board else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise CardError("the office gave no claim, as said above: the card is as it was")
    return done.stdout


def _checked(text: str, origin: str) -> claims.Claim:
    claim = claims.read(text)
    if not isinstance(claim, claims.Claim):
        raise CardError(f"{origin} is the invitation, which has no secret: leave it away, and enrol device first")
    if claim.until <= time.time():
        raise CardError(f"{origin} has expired: ask the office for another one (DEVICE={claim.name})")
    return claim


def _said(done: dict[str, str], old: list[str]) -> list[str]:
    lines = [f"  {how:10} {name}" + (f": {_WHAT[name]}" if name in _WHAT else "") for name, how in done.items()]
    return [*lines, *(f"  {'removed':10} {name}" for name in old)]


def _next(args: argparse.Namespace, release: Release, claim: claims.Claim | None) -> list[str]:
    kind = f"{args.profile} on Raspberry Pi OS {release.name.capitalize()}"
    lines = [f"This card makes {f'{claim.name}, a' if claim else 'a'} {kind}. Unmount it, and put it into the Pi."]
    if claim and claim.service_code and not args.device:  # else the office has just said it
        lines.append(f"The code of its service page: {claims.spoken_service_code(claim.service_code)}")
    if args.claim:
        lines.append(f"Delete {args.claim}: the claim is on the card now, and whoever has it can be this device.")
    if not claim:
        lines.append("It has no claim, so at its first start it waits for: sudo edge-agent enrol INVITATION")
    return [*lines, "When its beacon is steady, walk through it: sudo edge-agent commission"]


if __name__ == "__main__":
    sys.exit(main())
