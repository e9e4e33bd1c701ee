"""Which segment leaves when, to where, and what the centre hears of it."""

from pathlib import Path

import pytest

from agent.contract.messages import AlarmCamera
from agent.core.camera.segment import MEDIA, NOTE
from tests.support.drafts import alarm_data
from tests.support.sending import CLIP, HOST, NEWER, Rig


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_a_segment_without_a_url_is_asked_for_at_once_and_every_30_s(rig: Rig) -> None:
    first = rig.segment(1)
    rig.run()
    second = rig.segment(2, order=2)
    rig.run().run(29)
    assert [each["objects"] for each in rig.said("wanted")] == [(first.name,), (second.name,)]
    assert rig.said("wanted")[0]["alarm_id"] == "a-1"
    rig.run(2)
    assert rig.said("wanted")[-1]["objects"] == (first.name, second.name)
    assert rig.said("wanted")[-1]["sizes"] == (first.size, second.size), "without them no URL is given"
    assert rig.url is None


def test_without_a_centre_nothing_is_asked_and_with_one_everything_again(rig: Rig) -> None:
    rig.publisher.connected = False
    rig.segment(1)
    rig.run().run(100)
    assert rig.said("wanted") == []
    rig.publisher.connected = True
    rig.run().run()
    assert len(rig.said("wanted")) == 1


def test_what_is_there_is_told_with_its_hash_and_fragments_and_forgotten(rig: Rig) -> None:
    segment = rig.segment(1)
    rig.allow((f"https://{HOST}/b/1?X-Sig=secret", segment.name))
    rig.run()
    assert rig.url == f"https://{HOST}/b/1?X-Sig=secret"
    rig.answer(200)
    [told] = rig.said("uploaded")
    assert told["object"] == segment.name
    assert told["place"] == f"{HOST}/b/1"
    assert (told["sha256"], told["bytes"], told["first"], told["last"]) == (segment.sha256, 1000, 1, 1)
    assert (told["alarm_id"], told["clip"], told["camera"]) == ("a-1", CLIP, "front")
    assert list((rig.spool / "front").iterdir()) == []
    assert [key for key in rig.outbox.state if "url" in key] == []
    assert "secret" not in str([*rig.outbox])


def test_the_newest_alarms_first_segment_goes_first(rig: Rig) -> None:
    rig.allow(f"https://{HOST}/{{name}}")
    for number, order, clip in ((1, 1, CLIP), (2, 2, CLIP), (3, 0, CLIP), (4, 1, NEWER), (5, 0, NEWER)):
        rig.segment(number, order=order, clip=clip)
    gone = []
    for _ in range(5):
        rig.run()
        gone.append(int((rig.url or "").split(".")[-2]))
        rig.answer(200)
    assert gone == [5, 3, 4, 1, 2]


def test_nothing_leaves_while_an_alarm_message_waits_for_a_broker_that_is_there(rig: Rig) -> None:
    rig.allow(f"https://{HOST}/{{name}}")
    rig.segment(1)
    rig.outbox.alarm_waits = True
    rig.run()
    assert (rig.url, rig.uploader.held[-1]) == (None, True)
    rig.publisher.connected = False
    rig.run()
    assert rig.url, "while there is no broker, nothing is gained by waiting"
    assert not rig.uploader.held[-1]
    rig.publisher.connected = True
    rig.run()
    assert rig.uploader.held[-1], "one that is under way waits too"
    rig.outbox.alarm_waits = False
    rig.run()
    assert not rig.uploader.held[-1]


def test_a_broker_that_refuses_an_alarm_holds_recordings_up_for_30_s_at_most(rig: Rig) -> None:
    rig.allow(f"https://{HOST}/{{name}}")
    rig.segment(1)
    rig.outbox.alarm_waits = True
    rig.run().run(29)
    assert rig.url is None
    rig.run(2).run()
    assert rig.url


def test_the_picture_of_an_alarm_goes_before_its_first_segment(rig: Rig) -> None:
    rig.allow(f"https://{HOST}/{{name}}")
    rig.segment(1)
    rig.sending.pressed(alarm_data(camera=AlarmCamera(name="front", snapshot="p1")))
    rig.run(0.3)
    rig.outbox.picture_waits = True
    rig.run(0.6)
    assert rig.url is None
    rig.outbox.picture_waits = False
    rig.run(0.1)
    assert rig.url


@pytest.mark.parametrize(("picture", "waits_s"), [(True, 2.1), (False, 0.8)])
def test_a_picture_that_does_not_leave_or_come_holds_nothing_up_for_long(
    rig: Rig, picture: bool, waits_s: float
) -> None:
    rig.allow(f"https://{HOST}/{{name}}")
    rig.segment(1)
    rig.sending.pressed(alarm_data(camera=AlarmCamera(name="front", snapshot="p1")))
    rig.outbox.picture_waits = picture
    rig.run(waits_s - 0.2)
    assert rig.url is None
    rig.run(0.2)
    assert rig.url


def test_urls_that_may_not_be_used_are_refused_by_host_and_by_time(rig: Rig) -> None:
    taken, refused, hosts = rig.allow("https://evil.example/a?secret", f"https://{HOST}/a")
    assert (taken, refused, hosts) == (1, ["evil.example is not in [upload] hosts"], [HOST])
    assert rig.allow(f"https://{HOST}/b", seconds=-1)[:2] == (0, ["they have expired already"])


def test_urls_outlive_a_restart_and_one_that_was_used_is_for_its_segment_alone(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.segment(1)
    rig.allow(f"https://{HOST}/1", f"https://{HOST}/2")
    rig.run()
    assert rig.url == f"https://{HOST}/1"
    rig.segment(2, order=-1)
    again = Rig(tmp_path, rig.outbox)
    assert again.url == f"https://{HOST}/2", "the core was killed: the first may have been stored already"
    again.answer(200)
    again.run()
    assert again.url == f"https://{HOST}/1"


def test_the_end_of_a_clip_goes_last_and_takes_no_url_in_advance(rig: Rig) -> None:
    rig.segment(1)
    end = rig.segment(2, order=5, end=True)
    rig.allow(f"https://{HOST}/1", f"https://{HOST}/2")
    rig.run()
    rig.answer(200)
    rig.run()
    assert rig.url is None
    rig.allow((f"https://{HOST}/end", end.name))
    rig.run()
    assert rig.url == f"https://{HOST}/end"
    rig.answer(200)
    told = rig.said("uploaded")[-1]
    assert (told["object"], told["bytes"]) == (end.name, 0)
    assert {"begins", "ends", "first", "last"}.isdisjoint(told)
    assert list((rig.spool / "front").iterdir()) == []


def test_what_is_at_the_store_is_said_again_to_who_comes_late(rig: Rig) -> None:
    rig.segment(1)
    rig.allow(f"https://{HOST}/1")
    rig.run()
    rig.answer(200)
    rig.sending.repeat(CLIP)
    rig.sending.repeat("0198c0de-0000-7000-8000-00000000dead")
    rig.run().run()
    first, again = rig.said("uploaded")
    assert again == first


def test_what_nobody_wants_for_15_minutes_is_left_to_the_card(rig: Rig) -> None:
    rig.segment(1)
    rig.run().run(14 * 60)
    assert rig.sending.figures()["waiting"] == 1
    rig.run(61)
    assert rig.sending.figures()["waiting"] == 0
    assert "no URL came" in rig.said("upload-failed")[0]["reason"]


def test_what_had_a_url_and_did_not_go_is_told_with_what_kept_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, month_bytes=1000)
    rig.allow(f"https://{HOST}/{{name}}", seconds=9999)
    rig.segment(1)
    rig.run()
    rig.answer(200)
    rig.segment(2)
    rig.run().run(15 * 60 + 1)
    reason = rig.said("upload-failed")[0]["reason"]
    assert reason.startswith("it could not be sent in 15 minutes: what may be sent in this month was sent")


def test_while_the_sim_cards_data_is_used_up_no_recording_leaves(rig: Rig) -> None:
    rig.data.is_used_up = True
    rig.allow(f"https://{HOST}/{{name}}")
    rig.segment(1)
    assert rig.run().url is None
    rig.data.is_used_up = False
    assert rig.run().url is not None


def test_what_did_not_fit_into_memory_is_told(rig: Rig) -> None:
    rig.segment(1, lost="there is no more room")
    rig.run()
    assert rig.said("upload-failed")[0]["reason"] == "there is no more room; it stays on the card"
    assert list((rig.spool / "front").iterdir()) == []


def test_a_file_that_is_gone_is_no_reason_to_stop(rig: Rig) -> None:
    segment = rig.segment(1)
    rig.allow(f"https://{HOST}/{{name}}")
    rig.run()
    segment.file(rig.spool, MEDIA).unlink()
    segment.file(rig.spool, NOTE).unlink()
    rig.answer(0, sent=0)
    rig.segment(2)
    rig.run(5).run()
    assert (rig.url or "").endswith("59-02.000Z.2.mp4")
