"""`deploy/province`: makes everything that a province needs from one TOML file, and looks after it."""

import argparse
import getpass
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from agent.contract.errors import EdgeAgentError
from agent.trust.claim import Claim, ClaimError, read
from edge_centre.kit import ansible, documents, hosts, signage
from edge_centre.kit.check import check
from edge_centre.kit.keys import Keys, KitError
from edge_centre.kit.province import LEVEL, Province, load
from edge_centre.kit.workshop import Workshop, filled

_Formatter = argparse.RawDescriptionHelpFormatter
_CHECKOUT = "deploy/province"
"""The program in a checkout, which builds the operators' page too; elsewhere it is `edge-centre kit`."""
_EXAMPLE = """\
Example, for a province from nothing:
  deploy/province new kzn            # opens provinces/kzn.toml in $EDITOR (nano), to fill in, and makes provinces/kzn
  deploy/province new kzn            # again after each change of the file
  ansible-playbook -K -i provinces/kzn/ansible/inventory.yml provinces/kzn/ansible/site.yml
  deploy/province check kzn
For trying out, with every host on this machine: deploy/province new bench --on 192.168.1.5
"""
_CLAIM_EXAMPLE = """\
Example:
  deploy/province claim kzn durban-station kiosk-0001 --board 10000000abcdef01 --place "Platform 3" > edge-agent.claim

--out and --from stand before CODE. After SITE and ID, for `registrar claim` on the registrar's host:
  --board SERIAL  the only board that may use it
  --place TEXT    where the device is, if the site's own text is not exact enough
  --replace       it takes the place of a device that has this name
  --hours N       how long it is good (24)
  --out FILE, --qr FILE  write it into a file there instead of printing it, or as a QR code too
"""
_BELONGS = (
    ("pki/offline", "SECRET", "into a safe, a copy into another; then remove it here. `new` asks for it when needed"),
    ("keys/evidence-*", "SECRET", "into the safe, a copy into another: it opens recordings, and nothing else can"),
    ("keys/*.key.json", "SECRET", "each other one to its holder, and nobody else; then remove it here"),
    ("registrar", "SECRET", "to the registrar's host: Ansible copies it. Keep this copy as closed as that host"),
    ("brokers/NAME", "SECRET", "to the host of that broker: Ansible copies it"),
    ("centres/NAME", "SECRET", "to the programs of that command centre"),
    (
        "slips",
        "SECRET",
        "one for each claim, for its technician: print it from a browser, and keep it like a key",
    ),
    ("signage", "      ", "on walls, printed from a browser; invitation and on-the-pavement to technicians"),
)


def main(argv: Sequence[str] | None = None, program: str = _CHECKOUT) -> int:
    """Run one command; return 0 when all is well. Help and errors name the program as the person has called it."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Make everything that a province needs from one TOML file, and look after it.",
        epilog=_EXAMPLE.replace(_CHECKOUT, program),
        formatter_class=_Formatter,
    )
    actions = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    one = _command(actions, "new", "make what is missing, and update what comes from the TOML file")
    one.add_argument("--on", metavar="HOST", help="for trying out: write that file, with all hosts on this one")
    one.set_defaults(run=_new)
    _command(actions, "check", "ask each host whether it is what it should be").set_defaults(run=_check)
    text = "write what to practise, with what `check` says now and a table to fill in"
    _command(actions, "drill", text).set_defaults(run=_drill)
    text = "permit one device to enrol once: asks the registrar's host, by ssh, and prints the claim"
    one = _command(actions, "claim", text, _CLAIM_EXAMPLE)
    one.add_argument("words", nargs=argparse.REMAINDER, metavar="SITE ID ...", help="which device, and more: see below")
    one.set_defaults(run=_claim, print_help=one.print_help)
    args = parser.parse_args(argv)
    before = os.umask(0o077)
    try:
        code: int = args.run(args)
    except (EdgeAgentError, OSError) as error:
        sys.stderr.write(f"{error}\n".replace(_CHECKOUT, program))
        return 1
    finally:
        os.umask(before)
    return code


def _command(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str, example: str = _EXAMPLE
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text, description=text, formatter_class=_Formatter)
    parser.epilog = example.replace(_CHECKOUT, parser.prog.removesuffix(f" {name}"))
    parser.add_argument("code", type=_code, metavar="CODE", help="the province, such as kzn")
    parser.add_argument("--out", type=Path, default=Path("provinces"), metavar="DIR", help="where provinces lie")
    parser.add_argument("--from", dest="toml", type=Path, metavar="FILE", help="the province's file (DIR/CODE.toml)")
    return parser


def _code(text: str) -> str:
    """A province's name on the command line, before anybody fills in a form for it."""
    if not re.fullmatch(LEVEL, text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no valid province name: use lower-case letters, digits and hyphens"
        )
    return text


def _toml(args: argparse.Namespace) -> Path:
    toml: Path = args.toml or args.out / f"{args.code}.toml"
    return toml


def _province(args: argparse.Namespace) -> Province:
    """What the province's file says. Raises KitError and SettingsError."""
    toml = _toml(args)
    if not toml.exists():
        first = f"run deploy/province new {args.code}" if args.toml is None else "name the province's file with --from"
        raise KitError(f"{toml} is not there: {first}")
    return load(toml, args.code)


def _new(args: argparse.Namespace) -> int:
    toml = _toml(args)
    template = filled("bench.toml" if args.on else "example.toml", code=args.code, host=args.on)
    if not toml.exists() and args.toml is None:
        args.out.mkdir(parents=True, exist_ok=True)
        toml.write_text(template, encoding="utf-8")
        if not args.on:
            if sys.stdin.isatty():
                subprocess.run([*shlex.split(os.environ.get("EDITOR", "nano")), str(toml)], check=False)
            if toml.read_text(encoding="utf-8") == template:
                print(f"wrote {toml}: fill it in, and run the same again. Nothing else was made")
                return 1
    elif args.on and toml.read_text(encoding="utf-8") != template:
        raise KitError(f"{toml} is there already, and says something else: change it there, and leave --on away")
    province = _province(args)
    shop = Workshop(args.out / args.code)
    try:
        keys = Keys(shop, province)
        keys.make()
        hosts.make(shop, province, keys)
        ansible.make(shop, province)
        signage.make(shop, province, keys)
        documents.make(shop, province)
    finally:
        _report(shop)
    _say_where(shop.root, province)
    return 0


def _check(args: argparse.Namespace) -> int:
    bad = 0
    for line, fails in _checked(args):
        bad += fails
        print(line)
    print(f"{bad} checks fail" if bad else "All is well.")
    return 1 if bad else 0


def _checked(args: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    for found in check(args.out / args.code, _province(args)):
        line = f"  FAILS  {found.what}: {found.trouble}" if found.trouble else f"  good   {found.what}"
        yield line, bool(found.trouble)


def _drill(args: argparse.Namespace) -> int:
    said = "\n".join(line for line, _ in _checked(args))
    path = documents.drill(args.out / args.code, _province(args), said, datetime.now().astimezone().date())
    print(f"wrote {path}: what to practise, with a table to fill in")
    return 0


def _claim(args: argparse.Namespace) -> int:
    if {"-h", "--help"} & {*args.words}:
        args.print_help()
        return 0
    province = _province(args)
    if len(args.words) < 2 or args.words[0].startswith("-") or args.words[1].startswith("-"):
        raise KitError(f"say which device, its site and its id: deploy/province claim {args.code} SITE ID")
    host = province.registrar.host
    # Asked for here, and given to sudo there without a terminal: nothing but the claim may go into a file.
    password = (
        getpass.getpass(f"Password for sudo on {host} (Enter if it asks for none): ") if sys.stdin.isatty() else ""
    )
    command = shlex.join(["sudo", "-S", "-p", "", "registrar", "claim", *args.words])
    done = subprocess.run(["ssh", host, command], input=f"{password}\n", text=True, check=False, stdout=subprocess.PIPE)
    sys.stdout.write(done.stdout)
    sys.stdout.flush()  # whatever becomes of the slip, the claim is made
    if done.returncode == 0:
        _slip(args, province, done.stdout)
    return done.returncode


def _slip(args: argparse.Namespace, province: Province, text: str) -> None:
    """Make the technician's slip of a claim that was just printed."""
    place = next((word for before, word in pairwise(args.words) if before == "--place"), "")
    try:
        claim = read(text)
        if not isinstance(claim, Claim):
            return
        path = signage.slip(Workshop(args.out / args.code), province, claim, place, datetime.now().astimezone())
    except ClaimError:
        return  # it went into a file at the registrar
    except OSError as error:
        sys.stderr.write(f"Can't make the technician's slip ({error}): write down the name and the digits.\n")
        return
    sys.stderr.write(f"The technician's slip: {path}. Print it from a browser, and keep it like a key.\n")


def _report(shop: Workshop) -> None:
    """What was done, in a few rows: a folder whose files all went one way is one row."""
    for did in ("made", "rewritten", "due"):
        names = [name for name, done in shop.done.items() if done == did]
        folders: dict[str, list[str]] = {}
        for name in names:
            folder, _, file = name.rpartition("/")
            folders.setdefault(folder, []).append(file)
        for folder, files in folders.items():
            more = f", {files[1]}" if len(files) == 2 else f" and {len(files) - 1} more" if len(files) > 1 else ""
            print(f"  {did:10} {folder + '/' if folder else ''}{files[0]}{more}")
    print(f"  {'unchanged':10} {sum(done == 'kept' for done in shop.done.values())}")
    for name in shop.strangers("brokers", "centres"):
        print(f"  {'left over':10} {name}: the TOML file no longer has it; remove it when its host is gone")
    for name in (name for name, done in shop.done.items() if done == "due"):
        print(f"  {name} ends soon: bring pki/offline back from the safe, and run this again")


def _say_where(root: Path, province: Province) -> None:
    print(f"\n{province.name} lies in {root}. What belongs where:")
    for folder, secret, text in _BELONGS:
        print(f"  {secret}  {folder:16} {text}")


if __name__ == "__main__":
    sys.exit(main())
