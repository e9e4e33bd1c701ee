"""The alarms that are open on the device, as its messages tell. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from agent.contract.kinds import KINDS
from agent.contract.vocabulary import SELF_TEST

_LIST = KINDS["alarms"].type
_ONE = {KINDS[f"alarm-{change}"].type for change in ("raised", "updated", "closed")}


class OpenAlarms:
    """The open alarms by identifier, without those of a self-test. One thread."""

    def __init__(self) -> None:
        self.is_known = False
        """Whether the list of them was heard, which comes after `rebirth`."""
        self._open: dict[str, Mapping[str, Any]] = {}

    def note(self, line: Mapping[str, Any]) -> bool:
        """Take a line of the tap; return whether it was about alarms."""
        kind = line.get("type")
        if kind == _LIST:
            self.is_known = True
            self._open = {data["alarm_id"]: data for data in line["data"]["open"]}
        elif kind in _ONE:
            data = line["data"]
            self._open.pop(data["alarm_id"], None)
            if data["stage"] != "closed":
                self._open[data["alarm_id"]] = data
        else:
            return False
        self._open = {key: data for key, data in self._open.items() if data["input"] != SELF_TEST}
        return True

    def in_earnest(self) -> Iterator[Mapping[str, Any]]:
        """Yield the data of those that are no test; a simulated device's are exercises."""
        return (data for data in self._open.values() if data["status"] != "test")

    def tests(self) -> list[str]:
        """Return the identifiers of the tests."""
        return [key for key, data in self._open.items() if data["status"] == "test"]

    def __contains__(self, alarm_id: str) -> bool:
        return alarm_id in self._open
