"""A recorder of a device that has no key."""

from collections.abc import Sequence

from agent.trust.evidence.h264 import Unit


class Unsigned:
    """Signs nothing."""

    def add(self, units: Sequence[Unit], t_ns: int) -> list[bytes]:
        return [each.data for each in units]

    def put_off(self) -> None: ...

    def finish(self, t_ns: int) -> bytes:
        return b""
