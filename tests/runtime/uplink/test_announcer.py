import json
from contextlib import closing
from pathlib import Path

from agent.outbox.outbox import Outbox
from agent.ports import OutgoingMessage
from agent.runtime.uplink.announcer import BDSEQ_KEY, COMMISSIONED_KEY, Announcer
from tests.support.context import make_context
from tests.support.drafts import IDENTITY, body, event, open_outbox, taken, write
from tests.support.fake_ports import topics
from tests.support.message_table import META
from tests.support.sim_clock import SimClock
from tests.support.stores import DeadStore


def announcer(outbox: Outbox) -> Announcer:
    return Announcer(context=make_context(outbox), outbox=outbox, meta=META, config_revision="abc")


def sent(outbox: Outbox) -> list[OutgoingMessage]:
    write(outbox)
    return taken(outbox)


def test_a_birth_repeats_the_number_of_its_will_and_every_connection_has_its_own(outbox: Outbox) -> None:
    speaker = announcer(outbox)
    numbers = []
    for _ in range(3):
        will = body(speaker.will())
        speaker.connected()
        speaker.birth()
        [state, meta] = sent(outbox)
        assert topics([state, meta]) == ["state", "meta"]
        assert state.retain
        assert meta.retain
        assert (will["data"]["state"], body(state)["data"]["state"]) == ("lost", "online")
        assert will["data"]["bdseq"] == body(state)["data"]["bdseq"]
        assert body(state)["data"]["boot_nonce"] == outbox.nonces.first
        assert "nonce" not in will, "it would be long expired when the broker speaks"
        numbers.append(will["data"]["bdseq"])

    assert numbers == [1, 2, 3]


def test_a_try_of_another_path_changes_nothing_of_what_the_connection_in_use_says(outbox: Outbox) -> None:
    """Else its own will would seem older than its birth, and its loss would be ignored."""
    speaker = announcer(outbox)
    will = body(speaker.will())
    speaker.connected()
    speaker.will()
    speaker.birth()
    speaker.farewell()

    said = [body(message)["data"] for message in sent(outbox)]
    assert [data["bdseq"] for data in said if "bdseq" in data] == [will["data"]["bdseq"]] * 2


def test_the_number_of_a_will_goes_on_after_a_restart(outbox: Outbox, store: Path) -> None:
    announcer(outbox).will()
    outbox.close()

    with closing(open_outbox(store, SimClock())) as again:
        assert body(announcer(again).will())["data"]["bdseq"] == 2


def test_a_will_is_retained_where_the_birth_goes_and_takes_no_number_of_the_sequence(outbox: Outbox) -> None:
    outbox.put(event())
    will = announcer(outbox).will()
    outbox.put(event())

    assert (will.topic, will.retain, will.qos) == (IDENTITY.up("state"), True, 1)
    assert body(will)["seq"] == 1
    assert [body(message)["seq"] for message in sent(outbox)] == [1, 2]


def test_a_farewell_says_offline(outbox: Outbox) -> None:
    announcer(outbox).farewell()

    [farewell] = sent(outbox)
    assert body(farewell)["data"]["state"] == "offline"
    assert farewell.retain


def test_a_number_that_can_not_be_read_does_not_keep_the_kiosk_from_starting_and_goes_on_far_above(
    outbox: Outbox,
) -> None:
    outbox.keep(BDSEQ_KEY, "4\x7f2")

    assert body(announcer(outbox).will())["data"]["bdseq"] > SimClock().wall().timestamp() - 1


def test_without_the_disk_the_number_goes_on_above_what_the_centre_may_know(store: Path) -> None:
    """The centre takes a birth and a loss with a lower number for old ones."""
    with closing(open_outbox(store, SimClock(), DeadStore(store))) as outbox:
        assert body(announcer(outbox).will())["data"]["bdseq"] > SimClock().wall().timestamp() - 1


def test_a_new_configuration_is_described_and_one_with_other_settings_is_a_birth(outbox: Outbox) -> None:
    speaker = announcer(outbox)
    refused = META.model_copy(update={"config": META.config.model_copy(update={"wanted": 3, "state": "refused"})})
    speaker.configured(refused, "abc")
    assert [body(message)["data"]["config"]["wanted"] for message in sent(outbox)] == [3]
    speaker.configured(refused, "def")
    [state, meta] = sent(outbox)
    assert (body(state)["data"]["config_revision"], topics([meta])) == ("def", ["meta"])
    speaker.configured(refused, "def")
    assert topics(sent(outbox)) == ["meta"]


def test_a_report_counts_for_the_board_that_it_was_made_on_and_for_no_copy_of_its_card(tmp_path: Path) -> None:
    def told(*serials: str) -> bool:
        with closing(open_outbox(tmp_path, SimClock(), serials=serials)) as outbox:
            return announcer(outbox).commissioned() is not None

    with closing(open_outbox(tmp_path, SimClock(), serials=("first", "second"))) as outbox:
        data = {"report": "r", "at": "t", "by": "sipho", "verdict": "passed"}
        kept = {"device": IDENTITY.user, "board": outbox.board, **data}
        outbox.keep(COMMISSIONED_KEY, json.dumps(kept))
    assert told("first")
    assert not told("another")
    assert told(), "a board whose serial number can't be read, once, is no other"
    assert told("second", "new")


def test_what_is_kept_of_a_report_and_makes_no_sense_keeps_no_device_from_being_born(outbox: Outbox) -> None:
    for text in ("", "[]", "null", '{"board": 1}', "[" * 100_000):
        outbox.keep(COMMISSIONED_KEY, text)
        announcer(outbox).birth()
        assert "commissioned" not in body(sent(outbox)[-1])["data"]
