"""QEMU is killed in the middle of one enrolment, again and again."""

from collections.abc import Callable

from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.enrolment.new_kiosk import CLAIM, CURRENT, SETTINGS, STATE, NewKiosk
from tests.support.wait import wait_for

_WITHIN_S = 120.0
_LEFT = f"ls -d {STATE}/credentials/* {SETTINGS} 2>/dev/null | sed 's|.*/||'"
_WENT_ON = "journalctl --sync; journalctl -b -u edge-agent-enrol -o cat | grep -i -e 'going on with' -e already"


def play(kiosk: NewKiosk, book: Book) -> None:
    """On a device that is nobody."""
    machine = kiosk.machine
    births, before = kiosk.births(), kiosk.told("issued")

    def wait_for_file(path: str) -> None:
        machine.check(f"until [ -e {path} ]; do sleep 0.02; done; sync", _WITHIN_S)

    def wait_for_issue() -> None:
        wait_for(lambda: kiosk.told("issued") > before, _WITHIN_S, "the registrar has issued: that")

    moments: tuple[tuple[str, Callable[[], None], str], ...] = (
        (
            "its key is on the disk, and nobody has been asked",
            lambda: wait_for_file(f"{STATE}/credentials/next"),
            "next",
        ),
        ("the registrar has issued, and the answer is on its way", wait_for_issue, "next"),
        ("its credentials are in use, and its settings are to come", lambda: wait_for_file(CURRENT), "current"),
    )
    machine.check(f"printf %s '{kiosk.claim()}' > {CLAIM} && sync && systemctl --no-block start edge-agent-enrol")
    sets = set()
    for moment, wait, link in moments:
        with book.row(f"power cut: {moment}", essential=True) as row:
            wait()
            machine.cut_power()
            machine.boot()
            left = machine.check(_LEFT).split()
            kiosk.set_time()
            row.seen = f"on the disk: {', '.join(left)}"
            sets |= {each for each in left if each.startswith("set-")}
            assert link in left, row.seen
    with book.row("then it is enrolled, by the same key and claim, and a press arrives", essential=True) as row:
        assert len(sets) == 1, f"more than one key: {sets}"
        kiosk.wait_until_enrolled()
        row.seen = machine.check(_WENT_ON).splitlines()[0]
        kiosk.wait_for_birth(births)
        kiosk.press_and_hear("medical")
