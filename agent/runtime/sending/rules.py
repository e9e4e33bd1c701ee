"""What `Sending` is given: the settings, and what it says of URLs."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class UploadRules:
    """What the settings say of uploads."""

    spool: Path
    cameras: tuple[str, ...]
    hosts: frozenset[str]
    ca_file: Path | None = None
    bytes_s: int = 0
    month_bytes: int = 0
    is_simulated: bool = False


class Allowed(NamedTuple):
    """What has become of URLs that were given."""

    taken: int
    refused: list[str]
    hosts: list[str]
