"""`python -m deploy.package`: everything in order, for each Debian and architecture that is asked for."""

import argparse
import os
import tempfile
from pathlib import Path

from agent import __version__
from agent.__main__ import PROGRAM
from agent.models.cache import cache_directory
from deploy.package import archive, bill, completion, control, environment, licences, manual, parts, sizes, tree
from deploy.package.progress import Progress
from deploy.package.target import DIRECTORY, RELEASES, TARGETS, Target

PROJECT = DIRECTORY.parents[1]
CACHE_VARIABLE = "EDGE_AGENT_DIST_CACHE"


def main() -> None:
    """Build what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m deploy.package", description="Build the Debian package.")
    choices = {"--arch": {each.arch for each in TARGETS.values()}, "--release": {each.name for each in RELEASES}}
    for option, known in choices.items():
        parser.add_argument(option, action="append", choices=sorted(known), help="all, unless it is given")
    parser.add_argument("--out", type=Path, default=PROJECT / "dist")
    parser.add_argument("--compression", choices=archive.COMPRESSIONS, default=archive.COMPRESSIONS[0])
    args = parser.parse_args()
    wanted = [
        each
        for each in TARGETS.values()
        if each.arch in (args.arch or [each.arch]) and each.release.name in (args.release or [each.release.name])
    ]
    if not (PROJECT / parts.PAGE / "index.html").is_file():
        raise SystemExit("edge-agent: there is no service page to pack: make service-page")
    built = [build(each, args.out, args.compression) for each in wanted]
    print(*built, sep="\n")
    print(f"\n{sizes.table(built)}")


def build(target: Target, out: Path, compression: str) -> Path:
    """The package of one target in `out`, with its licences and its parts beside it; returns its path."""
    cache = cache_of_builds()
    time_s = archive.time_s(DIRECTORY / "debian/changelog")
    say = Progress(target.name)
    with tempfile.TemporaryDirectory(prefix="edge-agent-dist-") as scratch:
        root = Path(scratch) / "root"
        environment.build(target, root, environment.own_wheels(PROJECT, Path(scratch), time_s), cache, say)
        tree.build(PROJECT, root, target.release)
        tree.write(root / "usr/share/man/man1/edge-agent.1.gz", manual.page(PROGRAM, __version__, time_s))
        tree.write(root / tree.BUILT, f"{time_s}\n")
        for shell, place in completion.SHELLS.items():
            tree.write(root / place.format("edge-agent"), completion.script(shell, PROGRAM))
        libraries = root / target.site_packages
        included, model = [*parts.read(target, libraries), *parts.read_page(libraries)], tree.model().manifest
        terms = licences.text(included, target.site_packages, model.licence)
        tree.write(root / tree.DOCUMENTS / "copyright", terms)
        control.build(target, root, __version__, DIRECTORY / "debian")
        deb = out / target.file_name(__version__)
        say(f"packing (compression: {compression})")
        archive.build(root, deb, time_s, compression)
        tree.write(deb.with_suffix(".licences.txt"), terms)
        tree.write(deb.with_suffix(".cdx.json"), bill.document(target, __version__, time_s, included, model))
        say("done")
        return deb


def cache_of_builds() -> Path:
    """Where what packages are built from is kept."""
    return Path(os.environ.get(CACHE_VARIABLE) or cache_directory() / "dist")


if __name__ == "__main__":
    main()
