"""Kiosks and operators are told that somebody watches while that is true, and never else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.control_room.person import VIEWS, Person
from tests.control_room.rig import OPERATOR, PASSWORD, SECOND, Browser, Rig
from tests.control_room.two_operators import DEAF_S, GRACE_S
from tests.support.certificates import BrokerAuthorities
from tests.support.subscriber import Heard, Subscriber
from tests.support.wait import wait_for

WATCHES = "watches"
FAILED = "WebSocket connection to 'wss://localhost:[0-9]+/mqtt' failed"


def told(heard: Heard, seat: str, *, online: bool) -> bool:
    """Whether this says of that centre that it watches, or that it does not."""
    return heard.topic == f"edge/v1/host/{seat}/state" and json.loads(heard.payload)["online"] is online


def test_who_closes_one_of_two_tabs_still_watches(
    tmp_path: Path, authorities: BrokerAuthorities, built_page: Path, browser: Browser
) -> None:
    kiosk = {"centre": {"names": [OPERATOR, f"{OPERATOR}-2"], "required": True}}
    with Rig(tmp_path / "rig", authorities, built_page, kiosk=kiosk) as rig, rig.other_centre() as centre:

        def await_part(state: str, since: int) -> None:
            centre.wait_for(
                "health", lambda m: m.seq > since and m.data["parts"].get("centre", {}).get("state") == state
            )

        def newest() -> int:
            return max(message.seq for message in centre.messages())

        first = Person(browser, rig.url, OPERATOR, rig.key)
        first.begin()
        second = Person(browser, rig.url, OPERATOR, None, beside=first)
        second.begin()
        with rig.listener() as heard:
            heard.wait_for(lambda each: told(each, OPERATOR, online=True))
            heard.wait_for(lambda each: told(each, f"{OPERATOR}-2", online=True))
            await_part("ok", newest())
            first.page.close()
            heard.wait_for(lambda each: told(each, OPERATOR, online=False))
            closed = newest()
            await_part("ok", newest())
            parts = [m.data["parts"]["centre"]["state"] for m in centre.messages("health") if m.seq > closed]
            assert set(parts) == {"ok"}
            assert not any(told(each, f"{OPERATOR}-2", online=False) for each in heard.heard)

            second.page.close()
            heard.wait_for(lambda each: told(each, f"{OPERATOR}-2", online=False))
            await_part("degraded", newest())


def test_who_only_looks_on_is_told_by_the_broker_who_watches(rig: Rig, browser: Browser) -> None:
    thandi = Person(browser, rig.url, OPERATOR, rig.key)
    thandi.begin()
    sipho = Person(browser, rig.url, SECOND, None)
    sipho.look_on()
    sipho.show("alarms")
    sipho.await_text(".notices", f"{OPERATOR} watches\\.")
    thandi.show("shift")
    thandi.page.get_by_role("button", name="End the shift").click()
    thandi.await_text(".ending", "Nobody else is known to watch")
    thandi.page.get_by_role("button", name="Yes, end it").click()
    sipho.await_text(".notices", "Nobody else is known to watch.*out of service from")


def tries(rig: Rig) -> int:
    """How often a page has come to nginx for a broker that is not there."""
    return rig.sites[0].log().count("Connection refused")


def test_the_header_says_that_somebody_watches_only_while_a_broker_answers_and_else_since_when_none_does(
    rig: Rig, browser: Browser
) -> None:
    thandi = Person(browser, rig.url, OPERATOR, rig.key)
    rig.brokers[0].kill()
    thandi.fill()
    thandi.page.locator(".begin button[type=submit]").click()
    wait_for(lambda: tries(rig), what="a try")
    thandi.await_true("document.querySelector('.link-down') !== null", "a try that has failed")
    rig.brokers[0].start()
    thandi.await_watching()
    with rig.listener() as heard:
        heard.wait_for(lambda each: told(each, OPERATOR, online=True))
    *before, (_, since_ms) = thandi.noted("watch")
    assert [text for text, _ in before if WATCHES in text] == []

    rig.brokers[0].kill()
    silent = f"!document.querySelector('.watch').textContent.includes('{WATCHES}')"
    thandi.await_true(silent, "silent", GRACE_S)
    thandi.await_grey(GRACE_S)
    for view in VIEWS:
        thandi.show(view)
        assert "Not live since" in thandi.text(".notices")
        assert WATCHES not in thandi.text(".watch")
    wait_for(lambda: tries(rig) >= 2, what="a further try")
    rig.brokers[0].start()
    thandi.await_watching()
    # What was said before and after that try is the same.
    assert len({text for text, at_ms in thandi.noted("banner") if text and at_ms > since_ms}) == 1
    browser.forgive(FAILED)


def test_a_page_whose_echo_does_not_come_is_grey_and_says_nowhere_that_it_watches(rig: Rig, browser: Browser) -> None:
    thandi = Person(browser, rig.url, OPERATOR, rig.key)
    thandi.begin()
    broker = rig.brokers[0]
    with rig.listener() as heard:
        heard.wait_for(lambda each: told(each, OPERATOR, online=True))
        # All else is let through: the state, the alarms, the pings.
        with without_echo(broker_files(rig)):
            broker.reload()
            thandi.await_grey(DEAF_S + 2 * GRACE_S)
            thandi.await_text(".chips", "does not answer")
            heard.wait_for(lambda each: told(each, OPERATOR, online=False))
            before = len(heard.heard)
            # A page that is not deaf would say at once that this is not so.
            with Subscriber(broker.web_port, login=(OPERATOR, PASSWORD), web=True) as other:
                other.publish(f"edge/v1/host/{OPERATOR}/state", '{"online": false}', retain=True)
            rig.agent.press()
            thandi.show("alarms")
            thandi.await_true("document.querySelector('.alarm-row') !== null", "an alarm on a deaf page")
            assert not any(told(each, OPERATOR, online=True) for each in heard.heard[before:])
            assert WATCHES not in thandi.text(".watch")
        count = len(heard.heard)
        broker.reload()
        thandi.await_watching()
        wait_for(
            lambda: any(told(each, OPERATOR, online=True) for each in heard.heard[count:]), what="the word of a centre"
        )


def broker_files(rig: Rig) -> Path:
    return rig.directory / "broker-0" / "edge-agent" / "edge-agent.acl"


@contextmanager
def without_echo(access: Path) -> Iterator[Any]:
    """An access list that lets no echo of the operator's page through."""
    text = access.read_text()
    line = f"topic readwrite edge/v1/host/{OPERATOR}/echo\n"
    assert line in text
    access.write_text(text.replace(line, ""))
    try:
        yield
    finally:
        access.write_text(text)
