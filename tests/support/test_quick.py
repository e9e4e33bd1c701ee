"""Which tests `make quick` finds for a change."""

import pytest

from tests.support.quick import ranked


@pytest.mark.parametrize(
    ("changed", "test"),
    [
        ("agent/core/alarms/alarm_book.py", "tests/core/alarms/test_alarm_book.py"),
        ("agent/runtime/uplink/sender.py", "tests/runtime/uplink/test_sender_live.py"),
        ("deploy/centre/edge_centre/library/consumer.py", "tests/centre/test_vectors.py"),
        ("deploy/systemd/edge-agent.service", "tests/docs/test_no_audio.py"),
        ("tests/system/test_acks.py", "tests/system/test_acks.py"),
    ],
)
def test_a_change_finds_the_tests_that_are_near_to_it(changed: str, test: str) -> None:
    assert test in ranked([changed])


def test_what_imports_the_changed_module_itself_comes_before_what_imports_it_through_others() -> None:
    found = ranked(["agent/contract/uuid7.py"])
    assert found.index("tests/contract/test_uuid7.py") < found.index("tests/outbox/test_outbox.py")


def test_whole_processes_and_films_are_left_to_make_test() -> None:
    found = ranked(["agent/contract/messages.py"])
    assert found
    assert not [each for each in found if each.startswith(("tests/system/", "tests/campaigns/", "tests/control_room/"))]


def test_a_page_of_text_has_the_tests_of_documents_alone() -> None:
    assert all(each.startswith("tests/docs/") for each in ranked(["docs/privacy.md", "README.md"]))
