"""`python -m deploy.package`: everything in order, for each product, Debian and architecture that is asked for."""

import argparse
import os
import tempfile
from pathlib import Path

from agent import __version__
from agent.models.cache import cache_directory
from deploy.contract import __main__ as contract
from deploy.package import archive, bill, completion, control, environment, licences, manual, parts, sizes, tree
from deploy.package.progress import Progress
from deploy.package.target import DIRECTORY, OFFICE, RELEASES, TARGETS, Target

PROJECT = DIRECTORY.parents[1]
CACHE_VARIABLE = "EDGE_AGENT_DIST_CACHE"


def main() -> None:
    """Build what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.package", description="Build the Debian packages of a product."
    )
    parser.add_argument("--product", choices=tree.PRODUCTS, default="edge-agent")
    choices = {"--arch": {each.arch for each in TARGETS.values()}, "--release": {each.name for each in RELEASES}}
    for option, known in choices.items():
        parser.add_argument(option, action="append", choices=sorted(known), help="all, unless it is given")
    parser.add_argument("--out", type=Path, default=PROJECT / "dist")
    parser.add_argument("--compression", choices=archive.COMPRESSIONS, default=archive.COMPRESSIONS[0])
    args = parser.parse_args()
    is_office = args.product == "edge-centre"
    wanted = [
        each
        for each in (OFFICE if is_office else TARGETS).values()
        if each.arch in (args.arch or [each.arch]) and each.release.name in (args.release or [each.release.name])
    ]
    if not wanted:
        parser.error("no package is built for that Debian and architecture")
    if not is_office and not (PROJECT / parts.PAGE / "index.html").is_file():
        raise SystemExit("edge-agent: there is no service page to pack: make service-page")
    built = [build(each, args.out, args.compression) for each in wanted]
    print(*built, sep="\n")
    print(f"\n{sizes.table(built)}")
    if is_office:
        print(contract.write(args.out))


def build(target: Target, out: Path, compression: str) -> Path:
    """The package of one target in `out`, with its licences and its parts beside it; returns its path."""
    product = tree.PRODUCTS[target.product]
    program, name = product.program, product.program.name
    time_s = archive.time_s(DIRECTORY / "debian/changelog")
    say = Progress(f"{name} {target.name}")
    with tempfile.TemporaryDirectory(prefix=f"{name}-dist-") as scratch:
        root = Path(scratch) / "root"
        wheels = environment.own_wheels(PROJECT, Path(scratch) / "wheels", time_s, name)
        environment.build(target, root, wheels, cache_of_builds(), say)
        tree.build(PROJECT, root, product, target.release)
        tree.write(root / f"usr/share/man/man1/{name}.1.gz", manual.page(program, __version__, time_s))
        for shell, place in completion.SHELLS.items():
            tree.write(root / place.format(name), completion.script(shell, program))
        included, model = parts.read(target, root / target.site_packages), None
        if product.of_a_device:
            tree.write(root / tree.BUILT, f"{time_s}\n")
            included, model = [*included, *parts.read_page(root / target.site_packages)], tree.model().manifest
        terms = licences.text(included, target.site_packages, model.licence if model else "")
        tree.write(tree.documents(root, name) / "copyright", terms)
        control.build(product, target, root, __version__)
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
