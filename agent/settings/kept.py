"""What the centre has set from afar, in one file of the state directory: settings, their trial, and the key set.

The file is replaced as a whole, so a power cut at any moment leaves one whole configuration.
"""

import hashlib
import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agent.adapters.in_time import in_time
from agent.contract.layers import Node, read
from agent.core.errors import SettingsError, StorageError
from agent.runtime.remote.kept import Kept
from agent.settings.afar import apply, named
from agent.settings.file import settings_of
from agent.settings.tree import Settings
from agent.trust.jose_keys import parse_keys
from agent.trust.synced_file import sync_names
from agent.trust.whole_file import read_file

FILE = "from-afar.json"
PLACE = "the settings from afar"
_MOST_BYTES = 4 << 20
DENIED = "permission denied"
"""What is in the trouble of somebody who has not the rights to look."""


def load_kept(directory: Path) -> Kept:
    """Read the file; where there is none, nothing was set. Raises StorageError when it can't be read."""
    path = directory / FILE
    try:
        kept = Kept.model_validate_json(read_file(path, _MOST_BYTES))
        if kept.keys is not None:
            parse_keys({"keys": kept.keys.keys})
    except (FileNotFoundError, NotADirectoryError):
        return Kept()
    except OSError as error:
        raise StorageError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise StorageError(f"{path} is not what was written") from error
    return kept


def store_kept(directory: Path, kept: Kept) -> None:
    """Replace the file; safe against a power cut when it returns. Raises StorageError.

    A write that is overtaken by a newer one, because the disk took long, fails and changes nothing."""
    path = directory / FILE
    new = directory / f"{FILE}.{secrets.token_hex(4)}"
    try:
        for left in directory.glob(f"{FILE}.*"):
            left.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(kept.model_dump_json(exclude_defaults=True).encode())
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_names(directory)
    except OSError as error:
        raise StorageError(f"{path}: {(error.strerror or str(error)).lower()}") from error


@dataclass(frozen=True, slots=True)
class Begun:
    """The settings that the agent runs with, and what they were made of."""

    settings: Settings
    files: Node
    """The files alone."""
    kept: Kept
    trouble: str = ""
    """Why what was set from afar is not in force. The cameras are off then, as a mask may be missing."""

    @property
    def digest(self) -> str:
        """What tells the settings of the files from others: comments do not count, nor what was set from afar."""
        plain = json.dumps(self.files.plain, sort_keys=True, default=str)
        return hashlib.sha256(plain.encode()).hexdigest()[:16]

    @classmethod
    def of(cls, settings: Settings) -> "Begun":
        """Return settings that no file is behind, as they are."""
        return cls(settings, Node({}, ""), Kept())


def begin(path: Path) -> Begun:
    """Return the settings for a start of the agent. Gives up root as `look` does. Raises SettingsError for a mistake in
    the files, StorageError."""
    files, mistakes = read(path)
    return _begin(files, settings_of(files, mistakes), is_start=True)


def again(before: Begun, kept: Kept) -> Begun:
    """Return the settings for a restart within the process, with what is kept now. It touches no disk: nobody hears the
    buttons meanwhile, and what was checked is what comes into force."""
    alone = settings_of(before.files, ())
    return _made(before.files, alone, kept, _without_cameras(alone))


def look(path: Path) -> Begun:
    """Return the settings that an agent would run with, or runs with, but with the cameras in any case.

    Root gives up its rights for those of whoever the state directory belongs to, once it has read the files. Raises
    SettingsError and StorageError like `begin`."""
    files, mistakes = read(path)
    return _begin(files, settings_of(files, mistakes), is_start=False)


def from_afar(begun: Begun) -> str:
    """Say what was set from afar, in words; empty if nothing was."""
    layer = begun.kept.trial or begun.kept.in_force
    if not layer.changes:
        return ""
    state = "on trial" if begun.kept.trial is not None else "in force"
    return f"revision {layer.revision}, {state}: {', '.join(named(layer.changes))}"


def _begin(files: Node, alone: Settings, *, is_start: bool) -> Begun:
    directory = alone.storage.directory
    if os.geteuid() == 0:
        from agent.adapters.rights import give_up_root  # noqa: PLC0415 - the agent itself never needs it

        give_up_root(directory)
    at_worst = _without_cameras(alone) if is_start else alone
    try:
        found = in_time(partial(load_kept, directory))
    except StorageError as error:
        return Begun(at_worst, files, Kept(), str(error))
    kept = found.started() if is_start else found
    if kept is not found:
        with suppress(StorageError):  # the next start ends the trial again
            in_time(partial(store_kept, directory, kept))
    return _made(files, alone, kept, at_worst)


def _made(files: Node, alone: Settings, kept: Kept, at_worst: Settings) -> Begun:
    while True:
        layer = kept.trial or kept.in_force
        try:
            return Begun(apply(files, layer.changes, PLACE) if layer.revision else alone, files, kept)
        except SettingsError as error:
            if kept.trial is None:
                return Begun(at_worst, files, kept, str(error))
            kept = kept.gone_back(str(error))


def _without_cameras(settings: Settings) -> Settings:
    return settings.model_copy(update={"cameras": ()})
