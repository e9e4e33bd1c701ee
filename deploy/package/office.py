"""`python -m deploy.package.office`: edge-centre for each 64-bit Debian, and the contract beside it."""

import argparse
import shutil
import tempfile
from pathlib import Path

from agent import __version__
from deploy.contract import __main__ as contract
from deploy.package import archive, bill, completion, control, environment, licences, manual, parts, tree
from deploy.package.__main__ import PROJECT, cache_of_builds
from deploy.package.progress import Progress
from deploy.package.target import DIRECTORY, OFFICE, Target
from edge_centre.__main__ import PROGRAM

_SHARED = Path("usr/share/edge-centre")
_SOURCES = ("deploy/mosquitto", "deploy/control-room/serve", "docs/how-to/on-the-pavement.md")
"""What the kit derives from, at the same places as in a checkout."""
_OVERRIDES = "# segno's own command is for hand, and nobody calls it here.\nedge-centre: unusual-interpreter\n"
_CONTROL = """\
Package: edge-centre
Version: {version}
Architecture: {arch}
Maintainer: edge-agent maintainers <maintainers@edge-agent.example>
Installed-Size: {size_kib}
Depends: {depends}
Recommends: ca-certificates
Suggests: ansible-core, chromium, ffmpeg
Section: net
Priority: optional
Description: office of street panic kiosks and CCTV cameras
 What the office of kiosks that run edge-agent needs: it watches them, answers
 alarms and sends commands, checks recordings and reports of commissionings,
 makes keys, and makes and keeps what a province needs, its registrar included.
 .
 It brings its own Python environment in /opt/edge-centre, needs no network to
 install, and starts nothing. No kiosk needs it.
"""


def main() -> None:
    """Build what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m deploy.package.office", description="Build the office's package.")
    parser.add_argument("target", nargs="*", choices=[*OFFICE, []], help="all, unless it is given")
    parser.add_argument("--out", type=Path, default=PROJECT / "dist")
    parser.add_argument("--compression", choices=archive.COMPRESSIONS, default=archive.COMPRESSIONS[0])
    args = parser.parse_args()
    for name in args.target or OFFICE:
        print(build(OFFICE[name], args.out, args.compression))
    print(contract.write(args.out))


def build(target: Target, out: Path, compression: str) -> Path:
    """The package of one target in `out`, with its licences and its parts beside it; returns its path."""
    time_s = archive.time_s(DIRECTORY / "debian/changelog")
    say = Progress(f"{target.product} {target.name}")
    with tempfile.TemporaryDirectory(prefix="edge-centre-dist-") as scratch:
        root, own = Path(scratch) / "root", Path(scratch) / "wheels"
        wheels = environment.own_wheels(PROJECT, own, time_s, target.product)
        environment.build(target, root, wheels, cache_of_builds(), say)
        for each in _SOURCES:
            copied = root / _SHARED / each
            copied.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (PROJECT / each).is_dir() else shutil.copyfile)(PROJECT / each, copied)
        command = root / "usr/bin/edge-centre"
        command.parent.mkdir(parents=True)
        command.symlink_to("/opt/edge-centre/bin/edge-centre")
        tree.write(root / "usr/share/man/man1/edge-centre.1.gz", manual.page(PROGRAM, __version__, time_s))
        for shell, place in completion.SHELLS.items():
            tree.write(root / place.format("edge-centre"), completion.script(shell, PROGRAM))
        overrides = (DIRECTORY / "debian/lintian-overrides").read_text(encoding="utf-8")
        tree.write(
            root / "usr/share/lintian/overrides/edge-centre",
            overrides.replace("edge-agent:", "edge-centre:") + _OVERRIDES,
        )
        documents = root / "usr/share/doc/edge-centre"
        changes = tree.changes(PROJECT, target.release).replace("edge-agent (", "edge-centre (")
        tree.write(documents / "changelog.gz", changes)
        included = parts.read(target, root / target.site_packages)
        terms = licences.text(included, target.site_packages)
        tree.write(documents / "copyright", terms)
        control.write(
            root,
            _CONTROL.format(
                version=f"{__version__}{target.release.suffix}",
                arch=target.arch,
                size_kib="{size_kib}",
                depends=", ".join((*control.python(target.release), *control.libraries(target.release), "openssl")),
            ),
        )
        deb = out / target.file_name(__version__)
        say(f"packing (compression: {compression})")
        archive.build(root, deb, time_s, compression)
        tree.write(deb.with_suffix(".licences.txt"), terms)
        tree.write(deb.with_suffix(".cdx.json"), bill.document(target, __version__, time_s, included, None))
        say("done")
        return deb


if __name__ == "__main__":
    main()
