import pytest

from agent.core.alarms.service import Service, ServiceChange, ServiceFact
from agent.core.facts import ButtonsHeard, CentreWatched, SelfTested, UplinkChanged

S = 10**9


def service() -> Service:
    return Service(300 * S, now_ns=0)


def take(of: Service, fact: ServiceFact, at_s: int) -> ServiceChange | None:
    of.take(fact, at_s * S)
    return of.tick(at_s * S)


def connected() -> Service:
    of = service()
    assert take(of, UplinkChanged(up=True), 1) is None
    return of


def test_a_kiosk_that_never_gets_an_uplink_is_out_of_service_after_the_setting() -> None:
    of = service()
    assert of.next_due_ns() == 300 * S
    assert of.tick(300 * S - 1) is None
    assert of.in_service

    assert of.tick(300 * S) == ServiceChange(False, ("no-uplink",))
    assert not of.in_service
    assert of.next_due_ns() is None
    assert of.tick(900 * S) is None


@pytest.mark.parametrize(
    ("wrong", "right", "reason"),
    [
        (UplinkChanged(False), UplinkChanged(True), "no-uplink"),
        (CentreWatched(False, ""), CentreWatched(True, ""), "no-centre"),
    ],
)
def test_what_lasts_too_long_puts_it_out_of_service_and_its_end_brings_it_back_at_once(
    wrong: ServiceFact, right: ServiceFact, reason: str
) -> None:
    of = connected()
    assert take(of, wrong, 10) is None
    assert of.next_due_ns() == 310 * S
    assert of.tick(310 * S) == ServiceChange(False, (reason,))
    assert take(of, right, 400) == ServiceChange(True, ())
    assert of.in_service


def test_a_failure_that_is_told_again_counts_from_its_beginning() -> None:
    of = connected()
    take(of, UplinkChanged(False), 10)
    take(of, UplinkChanged(False), 200)
    assert of.next_due_ns() == 310 * S


def test_a_short_outage_counts_for_nothing() -> None:
    of = connected()
    take(of, UplinkChanged(False), 10)
    take(of, UplinkChanged(True), 309)
    assert of.tick(10_000 * S) is None
    assert of.next_due_ns() is None


def test_a_failed_self_test_puts_it_out_of_service_at_once_until_one_passes() -> None:
    of = connected()
    assert take(of, SelfTested(False), 5) == ServiceChange(False, ("self-test",))
    assert take(of, SelfTested(False), 6) is None
    assert take(of, SelfTested(True), 7) == ServiceChange(True, ())


def test_it_comes_back_only_when_all_is_well_and_says_what_is_still_wrong() -> None:
    of = connected()
    take(of, SelfTested(False), 5)
    assert take(of, CentreWatched(False, ""), 6) == ServiceChange(False, ("no-centre", "self-test"))
    assert take(of, SelfTested(True), 7) == ServiceChange(False, ("no-centre",))
    assert take(of, CentreWatched(True, ""), 8) == ServiceChange(True, ())


def test_a_centre_that_was_never_heard_of_is_nothing_wrong() -> None:
    assert connected().tick(10_000 * S) is None


def test_a_kiosk_whose_buttons_can_not_be_relied_on_is_out_of_service_at_once_until_one_can() -> None:
    of = connected()
    assert take(of, ButtonsHeard(True), 5) is None
    assert take(of, ButtonsHeard(False), 6) == ServiceChange(False, ("no-button",))
    assert take(of, ButtonsHeard(True), 7) == ServiceChange(True, ())


def test_a_card_that_is_a_copy_puts_it_out_of_service_at_once_and_a_connection_brings_it_back() -> None:
    of = service()
    assert take(of, UplinkChanged(up=False, is_copy=True), 1) == ServiceChange(False, ("copied-card", "no-uplink"))
    assert take(of, UplinkChanged(up=False, is_copy=True), 400) is None
    # Bound in its place, it has yet to reach a broker.
    assert take(of, UplinkChanged(up=False), 500) == ServiceChange(False, ("no-uplink",))
    assert take(of, UplinkChanged(up=True), 501) == ServiceChange(True, ())
