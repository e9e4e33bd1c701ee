"""The directories that hold models, each a file beside the manifest that describes it.

Anyone who can write to one of these directories decides what the cameras see, so a device never looks in a directory
that its own agent can write.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from agent.contract.spelling import nearest
from agent.core.camera.model_manifest import ModelManifest
from agent.core.errors import ModelError, ModelRefusedError
from agent.core.installation import INSTALL_AGAIN, is_packaged
from agent.models.cache import cache_directory
from agent.trust.whole_file import replace_file

BUILT_MODELS = ("movenet-person-int8", "movenet-person-float32")
"""What `make model` makes; the package holds the first."""
RETIRED_MODELS = dict(zip(("ssdlite-person-int8", "ssdlite-person-float32"), BUILT_MODELS, strict=True))
"""Models that were built once, and what runs in the place of one that settings still name and that is not there."""
ADMINISTRATORS_MODELS = Path("/etc/edge-agent/models")
PACKAGED_MODELS = Path("/usr/share/edge-agent/models")


class StoredModel(NamedTuple):
    """A model whose bytes match its manifest."""

    manifest: ModelManifest
    path: Path
    content: bytes
    """The bytes that were verified; the file at `path` may be another one by now."""


def default_directories() -> tuple[Path, ...]:
    """Return where to look for a model, in order: the administrator's and the package's directory, which only root can
    write.

    A developer's own cache comes first: anyone who can write there can change the agent's code as well. The packaged
    agent does not look there: its user's cache is in its state directory.
    """
    own = () if is_packaged() else (cache_directory() / "models",)
    return (*own, ADMINISTRATORS_MODELS, PACKAGED_MODELS)


def own_directory() -> Path:
    """Return where a model that is built or fetched here goes, and is found: the first of `default_directories`."""
    return default_directories()[0]


class ModelStore:
    """Finds models in a list of directories; the first that has the name wins. Any thread."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self.directories = tuple(directories)

    def load(self, name: str) -> StoredModel:
        """Return a model, after checking its SHA-256 and that of its anchors.

        For a retired model that is not there, returns its successor. Raises ModelError, which names the command to run,
        if the model is missing; ModelRefusedError if it was altered.
        """
        if self._directory_of(name) is None:
            name = RETIRED_MODELS.get(name, name)
        if (directory := self._directory_of(name)) is not None:
            return _load(directory, name)
        raise ModelError(f"model {name!r} is not in {_joined(self.directories)}: {self._advice(name)}")

    def manifest(self, name: str) -> ModelManifest | None:
        """Return what is said of a model, unchecked; None if it is not there. Raises ModelError."""
        directory = self._directory_of(name)
        return None if directory is None else read_manifest(directory / f"{name}.json")

    def _directory_of(self, name: str) -> Path | None:
        return next((each for each in self.directories if _exists(each / f"{name}.json")), None)

    def load_or_fall_back(self, name: str, state: Path) -> tuple[StoredModel, str]:
        """Load a model, or the built one in place of a refused one: another model is better than none.

        A model in `state`, where the agent itself can write, is refused, whether or not another one of that name is
        used. The text says what was refused and what runs instead; it is empty when nothing was refused. Raises
        ModelError, and ModelRefusedError when there is nothing to fall back on.
        """
        refused = _claim(name, state)
        try:
            stored = self.load(name)
        except ModelError as error:
            if isinstance(error, ModelRefusedError):
                refused = str(error)
            elif not refused:
                raise
            found = self.built()
            if found is None:
                raise ModelRefusedError(refused) from error
            stored = found
        return stored, refused and f"using {stored.path}, because {refused}"

    def built(self) -> StoredModel | None:
        """Return the first built model that is whole: it runs wherever another can't."""
        for directory in self.directories:
            with suppress(ModelError):
                return _load(directory, BUILT_MODELS[0])
        return None

    def list(self) -> "list[tuple[ModelManifest, Path]]":
        """Return the manifest and file path of every model, by name, unchecked; a broken manifest raises ModelError."""
        found: dict[str, tuple[ModelManifest, Path]] = {}
        for manifest_path in self._manifest_paths():
            manifest = read_manifest(manifest_path)
            found.setdefault(manifest.name, (manifest, manifest_path.parent / manifest.file))
        return [found[name] for name in sorted(found)]

    def _advice(self, name: str) -> str:
        """Say what to do about a missing name: it is misspelt, not built yet, or not fetched yet."""
        there = sorted({path.stem for path in self._manifest_paths()} - {name})
        close = nearest(name, [*there, *BUILT_MODELS])
        if name in BUILT_MODELS or not (close or there):
            return remedy(name)
        known = f"there are {', '.join(there) or 'none yet'}"
        return f"did you mean {close}? {known}" if close else f"{known}; {remedy(name)}"

    def _manifest_paths(self) -> Iterator[Path]:
        for directory in self.directories:
            yield from sorted(directory.glob("*.json"))


def _load(directory: Path, name: str) -> StoredModel:
    manifest = read_manifest(directory / f"{name}.json")
    path = directory / manifest.file
    content = check_file(manifest, path)
    if (anchors := manifest.anchor_file) is not None:
        _verified(directory / anchors.file, anchors.sha256, "put the file of the manifest beside it")
    return StoredModel(manifest, path, content)


def _claim(name: str, state: Path) -> str:
    """Say what is wrong with a model of this name in the state directory; empty if there is none."""
    path = state / f"{name}.json"
    if not _exists(path):
        return ""
    return (
        f"{path} is refused (the agent itself can write there): if the model is yours, move its files "
        f"to {ADMINISTRATORS_MODELS} and give them to root, else delete them and ask who put them there"
    )


def read_manifest(path: Path) -> ModelManifest:
    """Read a manifest file, which must be named after its model. Raises ModelError."""
    name = path.stem
    try:
        manifest = ModelManifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}; check its owner and mode") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "the file"
        raise ModelError(f"{path} is not a manifest: {where}: {first['msg']}; {remedy(name, force=True)}") from error
    if manifest.name != name:
        raise ModelError(f"{path} describes {manifest.name!r}: rename it to {manifest.name}.json")
    return manifest


def check_file(manifest: ModelManifest, path: Path) -> bytes:
    """Read a model file and check it against its manifest. Raises ModelError; ModelRefusedError if it was altered."""
    cure = remedy(manifest.name, force=True)
    with suppress(OSError):  # reported below
        size = path.stat().st_size
        if size != manifest.size_bytes:
            raise ModelRefusedError(f"{path} has {size} bytes, not {manifest.size_bytes}: {cure}")
    return _verified(path, manifest.sha256, cure)


def _verified(path: Path, sha256: str, cure: str) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing: {cure}") from error
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}; check its owner and mode") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelRefusedError(f"{path} is not the file that its manifest describes (SHA-256 differs): {cure}")
    return content


def remedy(name: str, *, force: bool = False) -> str:
    """Return the command that brings back a missing or altered model."""
    if is_packaged() and name == BUILT_MODELS[0]:
        return INSTALL_AGAIN
    if name in BUILT_MODELS:
        return f"run `make model{' --force' if force else ''}`"
    return f"fetch it again with `edge-agent model fetch URL --sha256 HEX --manifest {name}.json`"


def install(manifest: ModelManifest, content: Path, directory: Path) -> Path:
    """Put a model and its manifest in place; moves `content`, which must be on the same file system.

    A reader sees the old pair, the new pair, or a mismatch that `check_file` refuses; never half a file. Returns the
    path of the model. Raises ModelError if `content` does not match the manifest, or OSError.
    """
    check_file(manifest, content)
    path = directory / manifest.file
    content.chmod(0o644)
    _sync(content)
    content.replace(path)
    replace_file(directory / f"{manifest.name}.json", manifest.model_dump_json(indent=2).encode() + b"\n", mode=0o644)
    return path


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:
        return False  # a service may not be allowed to look into home directories


def _joined(directories: Sequence[Path]) -> str:
    return ", ".join(map(str, directories)) or "no directory at all"
