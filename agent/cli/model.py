"""`edge-agent model`: fetch, verify, try and list the models that find people."""

import argparse
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from agent.core.camera.model_decoders import Centres
from agent.core.camera.model_manifest import ModelInput, ModelManifest, ModelSource
from agent.core.diagnosis.vision_extra import install_advice
from agent.core.errors import ModelError, UsageError
from agent.models.fetch import fetch
from agent.models.store import ModelStore, default_directories, own_directory, read_manifest


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `model` and its own subcommands; each sets `run`, a function of the parsed arguments."""
    parser = _parser(
        subparsers,
        "model",
        "Fetch, verify, try and list the models that find people.",
        "edge-agent model list",
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")

    one = _parser(
        actions,
        "fetch",
        "Download another model. Without --manifest it must have the form that `build` makes.",
        "edge-agent model fetch https://models.example/street.tflite --sha256 9f86d0... --manifest street.json",
    )
    one.add_argument("url", metavar="URL", help="https:// or http://")
    one.add_argument("--sha256", required=True, metavar="HEX", type=_hexadecimal, help="what the file must be")
    one.add_argument("--manifest", type=Path, metavar="FILE", help="what the model is; its hash may be wrong")
    one.add_argument("--name", help="name of a model that has no manifest; default: that of the file")
    one.add_argument("--dtype", choices=["uint8", "float32"], default="uint8", help="input of such a model")
    one.add_argument("--licence", default="unknown", help="licence of such a model")
    _add_directory(one)
    one.set_defaults(run=_fetch)

    one = _parser(
        actions,
        "verify",
        "Compare models with their manifests. Fails when one is missing or altered.",
        "edge-agent model verify movenet-person-int8",
    )
    one.add_argument("name", nargs="?", metavar="NAME", help="default: all")
    _add_directory(one, reading=True)
    one.set_defaults(run=_verify)

    one = _parser(
        actions,
        "try",
        "Look for people in a picture, as a camera with this model would: score, left, top, width and height in "
        "pixels, a line each.",
        "edge-agent model try street street.jpg --score-threshold 0.3",
    )
    one.add_argument("name", metavar="NAME")
    one.add_argument("picture", type=Path, metavar="PICTURE", help="a JPEG or PNG file")
    one.add_argument("--score-threshold", type=float, metavar="SCORE", help="default: the manifest's")
    one.add_argument("--threads", type=int, default=2)
    one.add_argument("--delegate", default="xnnpack", metavar="LIBRARY", help="as in the settings of a camera")
    _add_directory(one, reading=True)
    one.set_defaults(run=_try)

    one = _parser(actions, "list", "List the models and where they are.", "edge-agent model list")
    _add_directory(one, reading=True)
    one.set_defaults(run=_list)


def _fetch(arguments: argparse.Namespace) -> int:
    manifest = read_manifest(arguments.manifest) if arguments.manifest else _manifest_of_a_guest(arguments)
    path = fetch(arguments.url, arguments.sha256, manifest, arguments.directory or own_directory(), _progress())
    print(path)
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    store = _store(arguments)
    names = [arguments.name] if arguments.name else [manifest.name for manifest, _ in store.list()]
    if not names:
        raise ModelError(
            "there is no model yet: `make model` in a checkout builds one, `edge-agent model fetch` gets one"
        )
    broken = 0
    for name in names:
        try:
            manifest, path, _ = store.load(name)
            print(f"ok {manifest.name} {manifest.sha256} {path}")
        except ModelError as error:
            broken += 1
            print(f"BAD {name}: {error}")
    return 1 if broken else 0


def _try(arguments: argparse.Namespace) -> int:
    try:
        from agent.adapters.opencv_imaging import read_picture  # noqa: PLC0415 - a kiosk without a camera has none
        from agent.vision.loaded_model import load_model  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(f"{error.name} can't be imported: {install_advice()}") from error
    store = _store(arguments)
    threshold = arguments.score_threshold
    if threshold is None:
        threshold = store.load(arguments.name).manifest.score_threshold
    loaded = load_model(
        arguments.name, list(map(str, store.directories)), arguments.threads, threshold, delegate=arguments.delegate
    )
    pixels = read_picture(arguments.picture)
    loaded.detector.detect([pixels])  # the first inference also builds what the next ones use
    began_s = time.perf_counter()
    [people] = loaded.detector.detect([pixels])
    took_ms = (time.perf_counter() - began_s) * 1000
    for person in people:
        print(f"{person.score:.2f} {person.left:.0f} {person.top:.0f} {person.width:.0f} {person.height:.0f}")
    _note(f"{len(people)} found in {took_ms:.1f} ms by {loaded.manifest.name} on {loaded.runtime}")
    if loaded.delegate_trouble:
        _note(loaded.delegate_trouble)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    found = _store(arguments).list()
    if not found:
        _note("There is no model yet: `make model` in a checkout builds one, `edge-agent model fetch` gets one.")
        return 0
    width = max(len(manifest.name) for manifest, _ in found)
    for manifest, path in found:
        picture = f"{manifest.input.width}x{manifest.input.height} {manifest.input.dtype}"
        size = f"{manifest.size_bytes / 1e6:.1f} MB"
        print(f"{manifest.name:{width}}  {picture:16}  {size:>8}  {manifest.licence}  {manifest.made_at[:10]}  {path}")
    return 0


def _note(text: str) -> None:
    print(text, file=sys.stderr)


def _progress() -> Callable[[int, int | None], None]:
    """Return what shows on a terminal how much has come."""
    if not sys.stderr.isatty():
        return lambda _done, _total: None

    def show(done: int, total: int | None) -> None:
        whole = f" of {total / 1e6:.1f}" if total else ""
        sys.stderr.write(f"\r\x1b[2KFetching: {done / 1e6:.1f}{whole} MB{chr(10) if done == total else ''}")
        sys.stderr.flush()

    return show


def _manifest_of_a_guest(arguments: argparse.Namespace) -> ModelManifest:
    file = arguments.url.partition("?")[0].rpartition("/")[2]
    name = arguments.name or file.rpartition(".")[0].lower().replace("_", "-")
    try:
        return ModelManifest(
            name=name,
            file=f"{name}.tflite",
            sha256=arguments.sha256,
            size_bytes=1,
            input=ModelInput(width=224, height=224, dtype=arguments.dtype),
            decoder=Centres(),
            labels=("person",),
            source=ModelSource(),
            licence=arguments.licence,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
    except ValidationError as error:
        raise UsageError(f"{name!r} is not a valid name for a model: give --name, of a-z, 0-9, dot and dash") from error


def _store(arguments: argparse.Namespace) -> ModelStore:
    return ModelStore([arguments.directory] if arguments.directory else default_directories())


def _add_directory(parser: argparse.ArgumentParser, *, reading: bool = False) -> None:
    default = "the cache, or /etc/edge-agent/models with the package" + (", then the package's" if reading else "")
    parser.add_argument("--directory", type=Path, metavar="DIR", help=f"where models are; default: {default}")


def _parser(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str, example: str
) -> argparse.ArgumentParser:
    return subparsers.add_parser(
        name,
        help=text.partition(". ")[0].rstrip("."),
        description=text,
        epilog=f"Example:\n  {example}",
    )


def _hexadecimal(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError("64 hexadecimal digits, as `sha256sum FILE` prints them")
    return text.lower()
