"""What the room knows of settings: how an order would change them, and how that comes into use."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from agent.contract.device import MetaData
from agent.runtime.remote.kept import Kept


class Change(NamedTuple):
    """What an order would make of the settings, judged and not yet in use."""

    layer: dict[str, Any]
    """The whole last layer, as it is kept."""
    two: str
    """Why two must sign for it; empty if one is enough."""
    is_none: bool
    """Whether every setting stays as it is."""
    moves: bool
    """Whether the brokers are others."""
    use: Callable[[], bool]
    """Puts it into use on the thread `config`; false if that takes a restart of the core."""


class InUse(Protocol):
    """The settings in use, which only composition roots may read. On the thread `commands` or `config`."""

    def judge(self, kept: Kept, changes: Mapping[str, Any], role: str) -> Change:
        """Return what a signer of this role would change. Raises ChangeRefused."""
        ...

    def go_back(self) -> bool:
        """Use the settings before the newest change again; false if that takes a restart of the core."""
        ...

    def keep(self, kept: Kept) -> None:
        """Write what is kept. Raises StorageError, when the disk does not answer in time too."""
        ...

    def describe(self, kept: Kept) -> tuple[MetaData, str]:
        """Return what `up/meta` says of the device, and the revision of its settings."""
        ...
