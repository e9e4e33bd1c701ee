"""How a connection to a broker ended."""

from dataclasses import dataclass

TAKEN_OVER = "taken"
"""The kind of a Disconnected: another client has connected to that broker under this device's client id."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection ended or was never established."""

    kind: str
    detail: str
