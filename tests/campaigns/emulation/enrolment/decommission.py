"""The device is taken out of use."""

import re

from tests.campaigns.emulation.book import Book, in_a_row
from tests.campaigns.emulation.enrolment.new_kiosk import CURRENT, SETTINGS, STATE, NewKiosk
from tests.support.wait import wait_for

_DECOMMISSION = "edge-agent decommission --yes"
_WITHIN_S = 180.0
_ETC = "/etc/edge-agent"


def play(kiosk: NewKiosk, book: Book) -> None:
    """On a device with an alarm that is open."""
    machine = kiosk.machine
    directory = kiosk.registrar.directory
    shown = (directory / "copied.pem", directory / "copied.key")
    for path, name in zip(shown, ("device.pem", "device.key"), strict=True):
        path.write_text(machine.check(f"cat {CURRENT}/{name}"))
    with book.row("refused while an alarm is open; the agent goes on") as row:
        done = machine.run(_DECOMMISSION, _WITHIN_S)
        row.seen = in_a_row(done.said)
        assert (done.code, "1 alarm is open" in done.said) == (1, True), f"code {done.code}: {done.said}"
        assert machine.check("systemctl is-active edge-agent").strip() == "active"
    with book.row("it revokes, stops and disables the agent, and erases", essential=True) as row:
        kiosk.close_alarms()
        assert kiosk.registrar.ask("GET", "/registrar/settings", shown=shown).status == 200

        def is_done() -> str:
            """A message of the alarm may still be on its way."""
            done = machine.run(_DECOMMISSION, _WITHIN_S)
            assert done.code == 0 or "waits for a broker" in done.said, done.said
            return done.said if done.code == 0 else ""

        said = wait_for(is_done, _WITHIN_S, "the device is decommissioned: that")
        states = machine.run("systemctl is-active edge-agent; systemctl is-enabled edge-agent").said
        row.seen = f"{said.splitlines()[0]} {in_a_row(states)}"
        assert states.split() == ["inactive", "disabled"], row.seen
    with book.row("no key, no settings of the province, no message is left on the disk") as row:
        found = machine.check(f"find {STATE} {_ETC} /run/edge-agent -type f 2>/dev/null || true").split()
        ours = [each for each in found if not re.match(rf"{_ETC}/edge-agent(\.toml|\.d/\d\d-[a-z]+\.toml)$", each)]
        row.seen = f"what is left: {', '.join(found)}"
        assert ours in ([], [f"{STATE}/agent.lock"]), row.seen
        assert SETTINGS not in found, row.seen
    with book.row("a copy of its key and certificate is worth nothing at the registrar") as row:
        answer = kiosk.registrar.ask("GET", "/registrar/settings", shown=shown)
        row.seen = f"{answer.status}: {answer.text}"
        assert answer.status == 403, row.seen
