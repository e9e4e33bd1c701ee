"""`python -m deploy.package`: everything in order, for each architecture that is asked for."""

import argparse
import os
import tempfile
from pathlib import Path

from agent import __version__
from agent.models.store import cache_directory
from deploy.package import archive, bill, completion, control, environment, licences, manual, parts, sizes, tree
from deploy.package.progress import Progress
from deploy.package.target import DIRECTORY, TARGETS, Target

PROJECT = DIRECTORY.parents[1]
CACHE_VARIABLE = "EDGE_AGENT_DIST_CACHE"


def main() -> None:
    """Build what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m deploy.package", description="Build the Debian package.")
    parser.add_argument("--arch", action="append", choices=list(TARGETS), help="all, unless it is given")
    parser.add_argument("--out", type=Path, default=PROJECT / "dist")
    parser.add_argument("--compression", choices=archive.COMPRESSIONS, default="xz")
    args = parser.parse_args()
    built = [build(TARGETS[arch], args.out, args.compression) for arch in args.arch or TARGETS]
    print(*built, sep="\n")
    print(f"\n{sizes.table(built)}")


def build(target: Target, out: Path, compression: str) -> Path:
    """The package of one architecture in `out`, with its licences and its parts beside it; returns its path."""
    cache = Path(os.environ.get(CACHE_VARIABLE) or cache_directory() / "dist")
    time_s = archive.time_s(DIRECTORY / "debian/changelog")
    say = Progress(target.arch)
    with tempfile.TemporaryDirectory(prefix="edge-agent-dist-") as scratch:
        root = Path(scratch) / "root"
        environment.build(target, root, environment.own_wheel(PROJECT, Path(scratch), time_s), cache, say)
        tree.build(PROJECT, root)
        tree.write(root / "usr/share/man/man1/edge-agent.1.gz", manual.page(__version__, time_s))
        for shell, place in completion.SHELLS.items():
            tree.write(root / place, completion.script(shell))
        included, model = parts.read(target, root / environment.SITE_PACKAGES), tree.model().manifest
        terms = licences.text(included, model.licence)
        tree.write(root / tree.DOCUMENTS / "copyright", terms)
        control.build(target, root, __version__, DIRECTORY / "debian")
        deb = out / f"edge-agent_{__version__}_{target.arch}.deb"
        say(f"packing (compression: {compression})")
        archive.build(root, deb, time_s, compression)
        tree.write(deb.with_suffix(".licences.txt"), terms)
        tree.write(deb.with_suffix(".cdx.json"), bill.document(target, __version__, time_s, included, model))
        say("done")
        return deb


if __name__ == "__main__":
    main()
