"""`edge-agent commission` in the emulated machine, and a centre that watches meanwhile and answers self-tests."""

import time
from collections.abc import Callable
from typing import Any

from agent.contract.vocabulary import SELF_TEST
from tests.campaigns.emulation.enrolment.new_kiosk import NewKiosk

_TURN_S = 0.5
# A pipe that is open for both never comes to its end.
_BEGIN = """\
set -e
umask 077
mkdir /run/walk
cd /run/walk
printf %s '{key}' > key.json
mkfifo in
echo 'exec 3<>in; edge-agent commission --key key.json <&3 >out 2>&1; echo code=$? >>out' > walk.sh
systemd-run --quiet --unit=walk --working-directory=/run/walk sh walk.sh
"""


class Terminal:
    """Begins the walk, or takes it up again."""

    def __init__(self, kiosk: NewKiosk, key: str) -> None:
        self._kiosk = kiosk
        self._answered: set[tuple[str, str]] = set()
        self.said = ""
        kiosk.machine.check(_BEGIN.format(key=key))

    def types(self, line: str) -> None:
        """Type a line."""
        self._kiosk.machine.check(f"echo '{line}' > /run/walk/in")

    def read_until(self, true: Callable[[str], Any], what: str, patience_s: float) -> None:
        """Read until this is true of all that was said. Raises AssertionError."""
        deadline_s = time.monotonic() + patience_s
        while not true(self.said):
            assert time.monotonic() < deadline_s, f"{what} did not come:\n{self.said}"
            self._answer_self_tests()
            time.sleep(_TURN_S)
            self.said = self._kiosk.machine.check("cat /run/walk/out 2>/dev/null || true")

    def _answer_self_tests(self) -> None:
        """As the centre's library does: registered, and then closed."""
        for alarm in self._kiosk.alarms(SELF_TEST):
            action = "closed" if alarm.stage == "registered" else "registered"
            if alarm.stage != "closed" and (alarm.alarm_id, action) not in self._answered:
                self._answered.add((alarm.alarm_id, action))
                self._kiosk.centre.acknowledge(alarm.alarm_id, self._kiosk.key, action)
