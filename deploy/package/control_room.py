"""`python -m deploy.package.control_room`: edge-agent-control-room, the package of the page that `make control-room`
has built. It is for the brokers' hosts, the same on every Debian and architecture."""

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from agent import __version__
from deploy.package import archive, control, tree
from deploy.package.target import DIRECTORY

NAME = "edge-agent-control-room"
FILE = f"{NAME}_{__version__}_all.deb"
_ROOM = DIRECTORY.parents[1] / "deploy" / "control-room"
_SHARED = Path("usr/share") / NAME
_EXAMPLES = {
    "serve/nginx.conf": "nginx.conf",
    "serve/mosquitto.conf": "mosquitto.conf",
    "serve/rabbitmq.conf": "rabbitmq.conf",
    "static/control-room.json": "control-room.json",
}
_DESCRIPTION = """\
page at which operators answer alarms of street kiosks
 The operators' page of a command centre: it shows every open alarm of the
 kiosks that run edge-agent, and an operator takes, dispatches and closes it.
 .
 It holds the built page, a site for nginx as an example, and a program that
 makes the operators' logins at Mosquitto. Nothing of it runs by itself.
"""
_README = f"""\
The page lies in /{_SHARED}/page. Nothing serves it yet: the examples beside this file are a site for nginx, a listener
for Mosquitto (or RabbitMQ), and the page's own settings; each says where it goes and what to change in it. The
province kit of edge-agent (deploy/province) puts them there. /{_SHARED}/login.sh makes operators' logins.
"""
_COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: edge-agent

Files: *
Copyright: the edge-agent authors
License: Apache-2.0
 On Debian systems the full text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.
Comment:
 The scripts of the page hold these libraries, each under its own licence. Some
 of them hold smaller ones, which the files *.LEGAL.txt beside the page name.
"""


def main() -> None:
    """Build it in --out."""
    parser = argparse.ArgumentParser(prog="python -m deploy.package.control_room", description="Build the package.")
    parser.add_argument("--out", type=Path, default=DIRECTORY.parents[1] / "dist")
    parser.add_argument("--compression", choices=archive.COMPRESSIONS, default=archive.COMPRESSIONS[0])
    args = parser.parse_args()
    print(build(args.out, args.compression))


def build(out: Path, compression: str) -> Path:
    """The package in `out`; returns its path. Raises SystemExit where no page is built."""
    if not (_ROOM / "dist/index.html").is_file():
        raise SystemExit("edge-agent: there is no page to pack: make control-room")
    time_s = archive.time_s(DIRECTORY / "debian/changelog")
    with tempfile.TemporaryDirectory(prefix="edge-agent-dist-") as scratch:
        root = Path(scratch) / "root"
        documents = tree.documents(root, NAME)
        shutil.copytree(_ROOM / "dist", root / _SHARED / "page", ignore=shutil.ignore_patterns("control-room.json"))
        shutil.copyfile(_ROOM / "serve/login.sh", root / _SHARED / "login.sh")
        for source, name in _EXAMPLES.items():
            tree.write(documents / "examples" / name, (_ROOM / source).read_text(encoding="utf-8"))
        tree.write(documents / "README", _README)
        tree.write(documents / "copyright", _COPYRIGHT + "".join(_licences()))
        tree.write_changes(root, NAME, tree.changelog(DIRECTORY.parents[1]))
        control.write(
            root,
            NAME,
            __version__,
            "all",
            _DESCRIPTION,
            Depends=("nginx-light | nginx",),
            Recommends=("mosquitto",),
        )
        deb = out / FILE
        archive.build(root, deb, time_s, compression)
    return deb


def _licences() -> Iterator[str]:
    """Of each library that the built scripts may hold, the text that came with it, or ours of one that brings none."""
    packages = json.loads((_ROOM / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for place, package in sorted(packages.items()):
        if not place or package.get("dev") or package.get("devOptional"):
            continue
        name = place.rpartition("node_modules/")[2]
        yield f" .\n {name} {package['version']}: {package.get('license', 'see below')}\n"
        came = sorted((_ROOM / place).glob("[Ll][Ii][Cc][Ee][Nn][CcSs][Ee]*"))
        for path in came or sorted((_ROOM / "licences").glob(f"{name}.txt")):
            yield " .\n"
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                yield f" {line.strip()}\n" if line.strip() else " .\n"


if __name__ == "__main__":
    main()
