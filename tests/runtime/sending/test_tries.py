"""A try that fails: what goes next, what is tried again and when, and what a month may cost."""

from pathlib import Path

import pytest

from agent.core.delivery.upload_link import Done
from tests.support.drafts import alarm_data
from tests.support.sending import HOST, OTHER, Outboxed, Rig


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.mark.parametrize("status", [0, 408, 429, 500, 503])
def test_a_network_or_a_store_that_fails_gets_the_same_url_again_after_a_while(rig: Rig, status: int) -> None:
    rig.segment(1)
    rig.allow(f"https://{HOST}/pool-1", f"https://{HOST}/pool-2")
    rig.run()
    for pause in (2, 4, 8):
        rig.answer(status)
        rig.run(pause - 0.1)
        assert rig.url is None
        rig.run(0.1)
        assert rig.url == f"https://{HOST}/pool-1"
    rig.answer(503, retry_after_s=0)
    rig.run(1)
    assert rig.url is None, "nobody may have us try without end"
    rig.run(100)
    rig.answer(503, retry_after_s=100)
    rig.run(99)
    assert rig.url is None
    rig.sending.pressed(alarm_data())
    rig.run()
    assert rig.url, "a press does not wait for an old failure"
    rig.answer(200)
    assert rig.said("upload-failed") == []


def test_a_store_that_has_waited_for_the_body_gets_the_same_url_again(rig: Rig) -> None:
    rig.segment(1)
    rig.allow(f"https://{HOST}/1")
    rig.run()
    rig.answer(400, code="RequestTimeout")
    assert rig.run(2).url == f"https://{HOST}/1"


def test_a_dead_url_makes_way_for_others_and_is_the_first_again_after_a_pause(rig: Rig) -> None:
    segments = [rig.segment(each, order=each) for each in range(4)]
    rig.allow(*[(f"https://{HOST}/{number}", each.name) for number, each in enumerate(segments)])
    gone = []
    for _ in range(9):
        for _ in range(40):
            if not rig.url:
                rig.run(1)
        gone.append(int((rig.url or "?")[-1]))
        rig.answer(0 if gone[-1] in {0, 1} else 200)
    assert gone[:4] == [0, 1, 2, 0], "2 goes before the dead ones have had their second turn; then urgency counts again"
    assert gone.index(3) == 4
    assert set(gone[5:]) == {0, 1}


def test_a_host_that_hangs_makes_way_for_another_and_a_segment_takes_a_url_there(rig: Rig) -> None:
    first, second = rig.segment(1, order=1), rig.segment(2, order=2)
    rig.allow((f"https://{HOST}/1", first.name), (f"https://{OTHER}/2", second.name))
    rig.run()
    rig.answer(0)
    assert rig.url == f"https://{OTHER}/2", "at once"
    rig.answer(200)
    assert rig.url is None
    rig.allow(f"https://{OTHER}/any")
    assert rig.run(2).url == f"https://{HOST}/1"
    rig.answer(0)
    rig.run()
    rig.segment(3)
    assert rig.run().url == f"https://{OTHER}/any"


def test_what_a_store_has_already_counts_as_sent() -> None:
    there = Done(1, 412, 7, "HTTP 412 PreconditionFailed", code="PreconditionFailed")
    assert there.is_there
    assert not there.may_go_later
    assert not Done(1, 412, 7).is_there
    assert Done(1, 409, 0, code="ConditionalRequestConflict").may_go_later


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 412])
def test_a_url_that_a_store_refuses_is_told_and_never_used_again(rig: Rig, status: int) -> None:
    segment = rig.segment(1)
    rig.allow(f"https://{HOST}/1", f"https://{HOST}/2")
    rig.run()
    rig.answer(status)
    [told] = rig.said("upload-failed")
    assert (told["object"], told["place"], told["reason"]) == (segment.name, HOST, f"HTTP {status}")
    assert rig.url == f"https://{HOST}/2"
    rig.answer(status)
    rig.run()
    assert rig.said("wanted")[-1]["objects"] == (segment.name,)


def test_a_store_that_refuses_everything_ends_in_a_segment_that_stays_on_the_card(rig: Rig) -> None:
    rig.segment(1)
    for number in range(5):
        rig.allow(f"https://{HOST}/{number}")
        rig.run(31)
        rig.answer(403)
    assert "stays on the card" in rig.said("upload-failed")[-1]["reason"]
    assert list((rig.spool / "front").iterdir()) == []


def test_a_lying_store_is_told(rig: Rig) -> None:
    rig.segment(1)
    rig.allow(f"https://{HOST}/1")
    rig.run()
    rig.answer(200, is_ours=False)
    assert "checksum" in rig.said("upload-failed")[0]["reason"]
    assert rig.said("uploaded") == []


def test_no_more_is_sent_in_a_month_than_the_settings_allow_also_after_a_restart(tmp_path: Path) -> None:
    rig = Rig(tmp_path, month_bytes=1500)
    rig.allow(f"https://{HOST}/{{name}}")
    for number in range(3):
        rig.segment(number, order=number)
    rig.run()
    rig.answer(0, sent=400)
    rig.run(60)
    rig.answer(200)
    assert rig.url, "what has begun is within the limit"
    rig.answer(200)
    rig.run()
    assert rig.url is None
    figures = rig.sending.figures()
    assert (figures["month_bytes"], figures["waiting"], figures["urls"]) == (2400, 1, 1)
    assert "month" in figures["detail"]
    again = Rig(tmp_path, rig.outbox, month_bytes=1500)
    again.run()
    assert again.url is None
    again.run(32 * 24 * 3600).run(3601)
    again.allow(f"https://{HOST}/{{name}}")
    again.segment(9)
    again.run()
    assert again.url


def test_what_was_under_way_when_the_agent_died_counts_in_its_month(tmp_path: Path) -> None:
    rig = Rig(tmp_path, month_bytes=1000)
    rig.allow(f"https://{HOST}/{{name}}")
    rig.segment(1)
    rig.run()
    assert rig.url
    assert Rig(tmp_path, rig.outbox, month_bytes=1000).url is None


def test_a_disk_that_comes_late_still_says_what_was_sent_and_where_more_may_go(tmp_path: Path) -> None:
    rig = Rig(tmp_path, month_bytes=1000)
    rig.allow(f"https://{HOST}/{{name}}", seconds=9999)
    rig.segment(1)
    rig.run()
    rig.answer(200)
    late = Outboxed()
    late.runs, late.writer.is_known = 9, False
    again = Rig(tmp_path, late, month_bytes=1000)
    again.segment(2)
    assert (again.sending.figures()["urls"], again.run().url) == (0, None)
    late.state |= rig.outbox.state
    late.writer.is_known = True
    again.run()
    figures = again.sending.figures()
    assert (figures["urls"], figures["month_bytes"], again.url) == (1, 1000, None)
