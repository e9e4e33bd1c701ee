"""How large a picture may be, so that an alarm never stands behind it for long."""

from agent.contract.live import MAX_BYTES
from agent.ports import Line

BUSY_S = 0.05
"""How long a picture may keep the line."""
LEAST_BYTES, _FIRST_BYTES = 4 * 1024, 8 * 1024


class PictureSize:
    """Finds it out from what the line has done with the last picture: smaller at once, larger step by step."""

    def __init__(self) -> None:
        self.max_bytes = _FIRST_BYTES
        self.due_ns: int | None = None
        """When to call `tick`: the line should be idle again by then. None if nothing was sent since the last time."""

    def sent(self, line: Line, now_ns: int) -> None:
        """Note that a picture has been sent on a line that was as this says."""
        self.due_ns = now_ns + int((line.rtt_s + BUSY_S) * 1e9)

    def refused(self) -> None:
        """Note that a picture was too large for the broker: nothing was sent, so there will be no `tick`."""
        self.max_bytes = max(self.max_bytes // 2, LEAST_BYTES)

    def tick(self, line: Line | None) -> None:
        """Take in how the line is at the moment that was due."""
        self.due_ns = None
        if line is not None:
            wanted = self.max_bytes * 7 // 5 if line.is_idle else self.max_bytes // 2
            self.max_bytes = min(max(wanted, LEAST_BYTES), MAX_BYTES)
