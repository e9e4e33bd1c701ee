"""The core's side of the service page; each pass of the thread `tap` is one call here."""

import grp
import json
import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.contract.messages import SecurityData
from agent.core import service_code
from agent.runtime.tap.service_page import START_S, PagePlace, ServicePage
from agent.service_page.asked import CERTIFICATE
from tests.support.context import Collected, make_context
from tests.support.sim_clock import SimClock


class Rig:
    def __init__(
        self,
        directory: Path,
        clock: SimClock | None = None,
        *,
        blinks: bool = True,
        group: str = "no-such-group",
        begun: bool = True,
    ) -> None:
        self.clock = clock or SimClock(boottime_ns=10**12)
        self.drafts = Collected()
        self.code: str | None = None
        self.done: list[tuple[str, bool, str, str]] = []
        self.file = directory / "service-page.json"
        self.about = {"https_port": 8443}
        self.enrolled = directory / "page.pem"
        self.reached = "it opens at https://192.168.7.2 (eth0)"
        self._place = PagePlace(
            self.file,
            group,
            self.enrolled,
            directory / service_code.FILE,
            blinks,
            lambda: self.about,
            lambda: self.about,
            lambda: self.reached,
        )
        self.page = ServicePage(make_context(self.drafts, self.clock))
        if begun:
            self.begin()

    def begin(self) -> None:
        any_part: Any = self
        self.page.begin(self._place, any_part, lambda *how: self.done.append(how))

    def show_code(self, code: str | None) -> None:
        self.code = code

    def hold(self) -> None:
        for active in (False, True):
            self.page.contact("key", active=active)
        self.page.tick()

    def pass_(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.page.tick()

    def serves(self, trouble: str = "") -> None:
        self.say(event="serves", trouble=trouble)

    def say(self, **what: Any) -> None:
        self.page.take(json.dumps({"opening": self.asked()["opening"], **what}).encode())

    def asked(self) -> dict[str, Any]:
        asked: dict[str, Any] = json.loads(self.file.read_bytes())
        return asked

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """Security events since the last call, by kind."""
        drafts, self.drafts[:] = list(self.drafts), []
        return [(each.data.kind, each.data.detail) for each in drafts if isinstance(each.data, SecurityData)]


def test_what_enrolment_has_got_for_the_page_lies_beside_what_asks_for_it_and_no_longer_than_that(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, group=grp.getgrgid(os.getegid()).gr_name)
    rig.enrolled.write_bytes(b"key and certificate")
    rig.hold()
    shared = rig.file.with_name(CERTIFICATE)
    assert shared.read_bytes() == b"key and certificate"
    assert stat.S_IMODE(shared.stat().st_mode) == 0o640
    rig.pass_(901)
    assert not shared.exists()


def test_the_group_of_the_page_may_read_what_asks_for_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, group=grp.getgrgid(os.getegid()).gr_name)
    rig.hold()
    about = rig.file.stat()
    assert (about.st_gid, about.st_mode & 0o777) == (os.getegid(), 0o640)


def test_a_held_contact_asks_for_the_page_for_15_minutes_and_the_beacon_tells_its_code(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.page.contact("key", active=True)  # it was closed before anybody was there, or is shorted
    rig.page.tick()
    assert (rig.file.exists(), rig.told()) == (False, [])

    rig.hold()
    asked = rig.asked()
    assert asked["https_port"] == 8443
    assert rig.code is not None
    assert service_code.matches(rig.code, asked["hash"])
    assert rig.file.stat().st_mode & 0o777 == 0o600
    assert rig.told() == [("service-page-opened", {"by": "contact", "who": "key", "seconds": 900.0, "blinks": True})]

    rig.serves()
    rig.pass_(899)
    assert rig.file.exists()
    rig.pass_(1)
    assert not rig.file.exists()
    assert rig.code is None
    assert rig.told() == [("service-page-ended", {"wrong_codes": 0})]


def test_a_technician_whose_contact_opens_nothing_finds_the_reason_in_the_log_and_the_office_in_the_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def said() -> str:
        text = caplog.text
        caplog.clear()
        return text

    caplog.set_level("INFO")
    rig = Rig(tmp_path)
    rig.page.contact("key", active=True)
    assert "the contact key was closed at the start" in said()
    rig.reached = "no phone can reach it: plug the phone in by USB"
    rig.hold()
    [event] = [each.data for each in rig.drafts if isinstance(each.data, SecurityData)]
    assert event.text == "asked for by key, for 900 s; no phone can reach it: plug the phone in by USB"
    assert event.text in said()

    Rig(tmp_path, blinks=False).hold()
    assert "neither a code of the claim nor a beacon" in said()
    unserved = ServicePage(make_context())
    for before in (True, False):
        for active in (False, True):
            unserved.contact("key", active=active)
        if before:
            assert not said()
            unserved.cannot()
        assert "asks for the service page, which this device can't serve now" in said()


def test_a_contact_that_is_held_while_the_agent_still_starts_opens_the_page_once_it_has(tmp_path: Path) -> None:
    rig = Rig(tmp_path, begun=False)
    for active in (False, True):
        rig.page.contact("key", active=active)
    rig.begin()
    rig.page.tick()
    assert rig.told() == [("service-page-opened", {"by": "contact", "who": "key", "seconds": 900.0, "blinks": True})]


def test_what_the_page_tells_is_reported_and_of_an_earlier_opening_nothing_counts(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.hold()
    before = rig.asked()["opening"]
    rig.hold()
    rig.told()
    rig.page.take(json.dumps({"opening": before, "event": "ended", "reason": "late"}).encode())
    for nonsense in (b"", b"[]", b'{"event": "wrong-codes", "count": "x"}', b"\xff"):
        rig.page.take(nonsense)
    rig.say(event="wrong-codes", count=2)
    assert rig.code is not None
    rig.say(event="entered", **{"from": "192.168.1.7"})
    assert rig.code is None
    rig.say(event="ended", reason="five wrong codes")

    assert rig.told() == [
        ("service-page-entered", {"peer": "192.168.1.7"}),
        ("service-page-ended", {"wrong_codes": 2}),
    ]
    assert not rig.file.exists()


def test_a_code_of_the_claim_or_of_a_command_opens_it_and_nothing_blinks(tmp_path: Path) -> None:
    (tmp_path / service_code.FILE).write_bytes(service_code.written(service_code.hashed("11112222")))
    rig = Rig(tmp_path)
    rig.hold()
    assert service_code.matches("11112222", rig.asked()["hash"])
    assert rig.code is None

    ordered = service_code.hashed("33334444")
    assert rig.page.order("c1", 60, ordered, "thandi") == "ok"
    rig.page.tick()
    assert rig.asked()["hash"] == ordered
    assert rig.code is None
    assert rig.page.order("c2", 0, None, "thandi") == "ok"
    rig.page.tick()
    assert not rig.file.exists()


def test_nothing_opens_where_no_code_can_be_told_or_the_device_has_no_tap(tmp_path: Path) -> None:
    rig = Rig(tmp_path, blinks=False)
    assert rig.page.order("c1", 60, None, "thandi") == "no-code"
    rig.hold()
    assert not rig.file.exists()
    assert ServicePage(make_context()).order("c1", 60, None, "thandi") == "no-page"


def test_a_restart_of_the_agent_takes_the_page_up_and_one_of_the_machine_does_not(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.hold()
    rig.say(event="entered", **{"from": "192.168.1.7"})
    asked = rig.asked()
    rig.about = {"https_port": 8444}
    rig.page.tick()
    again = Rig(tmp_path, rig.clock)
    assert again.asked() == asked, "what the device has now, and not what it had"
    again.pass_(900)
    assert again.told() == [("service-page-ended", {"wrong_codes": 0})]

    rig.hold()
    Rig(tmp_path, SimClock(boottime_ns=10**12, boot_id="another"))
    assert not rig.file.exists()


def test_a_page_that_is_open_learns_what_has_changed_on_the_device(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.hold()
    opening = rig.asked()["opening"]
    rig.about = {"https_port": 8444}
    rig.page.tick()
    assert (rig.asked()["opening"], rig.asked()["https_port"]) == (opening, 8444)


def test_a_page_whose_code_only_the_beacon_told_ends_with_the_agent_that_knew_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.hold()
    again = Rig(tmp_path, rig.clock)
    assert not again.file.exists()
    assert again.told() == [("service-page-ended", {"wrong_codes": 0})]


def test_nothing_that_the_page_says_ends_the_thread_that_serves_the_technician(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.hold()
    rig.told()
    rig.page.take(b"[" * 60_000)
    rig.say(event="wrong-codes", count=-1)
    rig.say(event="wrong-codes", count=10**30)
    rig.say(event="ended", reason="\ud800")
    rig.say(event="entered", **{"from": "\x1b[2J"})
    rig.say(event="ended", reason="\x1b[2J")

    assert rig.told() == [("service-page-entered", {"peer": "[2J"}), ("service-page-ended", {"wrong_codes": 0})]
    assert all(each.data.text.isascii() for each in rig.drafts if isinstance(each.data, SecurityData))


def test_a_leftover_that_is_no_file_keeps_no_agent_from_starting(tmp_path: Path) -> None:
    (tmp_path / "service-page.json").mkdir()
    rig = Rig(tmp_path)
    rig.hold()
    assert rig.told() == []


def test_an_administrator_is_told_that_the_page_opens_only_once_its_process_listens(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    assert rig.page.order("c1", 60, None, "thandi") == "ok"
    rig.pass_(START_S - 1)
    assert rig.done == []
    rig.serves()
    rig.serves()
    assert rig.done == [("c1", True, "ok", "it opens at https://192.168.7.2 (eth0)")]
    rig.pass_(10)
    assert rig.file.exists()


def test_an_administrator_whose_order_opens_nothing_is_told_what_did_not_open(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig(tmp_path)
    rig.page.order("dead", 60, None, "thandi")
    rig.pass_(0)
    rig.pass_(START_S)
    assert "edge-agent-service-page.path" in caplog.text
    assert (rig.file.exists(), rig.code) == (False, None)
    rig.page.order("deaf", 60, None, "thandi")
    rig.page.tick()
    rig.serves("https://192.168.7.2 (eth0): Address already in use")
    rig.page.order("late", 60, None, "thandi")
    rig.page.tick()
    rig.page.order("again", 60, None, "thandi")
    rig.page.tick()
    (tmp_path / "service-page.json.new").mkdir()
    rig.page.order("full", 60, None, "thandi")
    rig.page.tick()
    assert [each[:3] for each in rig.done] == [
        (name, False, "no-page") for name in ("dead", "deaf", "late", "again", "full")
    ]
    for done, why in zip(
        rig.done, ("has not begun within 45 s", "already in use", "anew", "anew", "can't be written"), strict=True
    ):
        assert why in done[3]


def test_a_page_that_was_open_before_a_restart_of_the_agent_need_not_say_again_that_it_listens(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.hold()
    rig.say(event="entered", **{"from": "192.168.1.7"})
    again = Rig(tmp_path, rig.clock)
    again.pass_(START_S)
    assert again.file.exists()
