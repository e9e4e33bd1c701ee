"""What is kept of orders from afar: the layer of settings in force, one on trial, the key set, a reboot."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Order(_Part):
    """The command that a result is due to. `kid` signed it."""

    kid: str
    cmd_id: str


class Reboot(Order):
    """A reboot that was ordered in the boot `boot_id`."""

    boot_id: str


class Layer(_Part):
    """The last layer of the settings. Revision 0 is the files alone."""

    revision: int = 0
    changes: dict[str, Any] = {}


class Trial(Layer):
    """Settings that have not been confirmed yet."""

    cameras: list[str] = []
    """The cameras that gave pictures before."""
    degraded: list[str] = []
    """The parts that did not work before."""
    is_watched: bool = False
    """Whether a centre must say that it watches: one did before, and the brokers are others."""


class KeySet(_Part):
    """The keys that were set from afar, in place of the file that `[commands] keys` names."""

    revision: int
    keys: list[dict[str, Any]]


class Kept(_Part):
    """All of it. `wanted`, `state` and `reason` are reported in `up/meta`."""

    version: Literal[1] = 1
    in_force: Layer = Layer()
    trial: Trial | None = None
    wanted: int = 0
    """The highest revision that a permitted signer has asked for."""
    state: Literal["in-force", "trying", "failed", "refused"] = "in-force"
    reason: str = ""
    order: Order | None = None
    """The order for `wanted`."""
    is_told: bool = True
    """Whether the order has its final result."""
    keys: KeySet | None = None
    keys_seen: int = 0
    """The revision of the key set that a reset took away."""
    reboot: Reboot | None = None

    @property
    def last_keys(self) -> int:
        """The highest revision of a key set that was in force."""
        return self.keys.revision if self.keys is not None else self.keys_seen

    def with_(self, **changes: Any) -> "Kept":
        """Return a copy with these changes."""
        return self.model_copy(update=changes)

    def gone_back(self, reason: str) -> "Kept":
        """End the trial: the settings before it are in force."""
        return self.with_(trial=None, state="failed", reason=reason, is_told=False)

    def confirmed(self, layer: Layer) -> "Kept":
        """Put a layer in force."""
        in_force = Layer(revision=layer.revision, changes=layer.changes)
        return self.with_(in_force=in_force, trial=None, state="in-force", reason="", is_told=False)

    def started(self) -> "Kept":
        """End a trial that a start of the process finds: the agent died of the settings, or lost its power."""
        return self if self.trial is None else self.gone_back("the agent ended while it tried them")
