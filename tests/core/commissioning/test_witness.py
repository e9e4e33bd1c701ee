"""What the device itself has heard of a walk, against a file of it that somebody has edited."""

import json
from dataclasses import replace

import pytest

from agent.contract.commissioning import CommissionedDevice, Place, Report, Technician, listed
from agent.contract.stages import Stage
from agent.contract.vocabulary import TimeQuality
from agent.core.commissioning.plan import Order
from agent.core.commissioning.record import Kept, Verdict
from agent.core.commissioning.report import Around, NotSeen, report_of
from agent.core.commissioning.witness import Witness
from agent.trust.paho_bounded import MAXIMUM_PACKET_BYTES
from tests.support.walking import KIOSK, WALK, Street

NOW = "2026-01-01T00:10:00.000Z"
AROUND = Around(
    id="01a21ac6-4e3b-7040-853c-2ab18aa679d7",
    follows=None,
    device=CommissionedDevice(
        name="gp/park/kiosk-1",
        profile="",
        agent_version="1",
        config_revision="1",
        certificate_ends="2027-01-01T00:00:00Z",
    ),
    place=Place(text=""),
    by=Technician(issuer="sipho", kid="technician-1"),
    now=NOW,
    timeq=TimeQuality.SYNCED,
)
HEARD = [step.id for step in Street().steps if step.is_heard]


def walked() -> Street:
    street = Street()
    street.go()
    return street


def sealed(street: Street, kept: Kept | None = None) -> Report:
    return report_of(kept or street.walk.kept, street.witness.seen(), street.steps, AROUND)


def forged(street: Street, *ids: str, **changes: object) -> Kept:
    """The file of a walk in which somebody has written that these steps passed."""
    steps = [step for step in street.steps if step.id in (ids or {each.id for each in street.steps})]
    made = {step.id: Verdict(step=step.id, digest=step.digest, outcome="passed", seconds=1, tries=1) for step in steps}
    true = {each.step: each for each in street.walk.kept.verdicts}
    return street.walk.kept.model_copy(update={"verdicts": tuple({**true, **made}.values()), **changes})


def test_a_walk_that_the_device_has_heard_is_reported_with_what_the_device_has_heard() -> None:
    report = sealed(walked())
    said = {step.name: step.said for step in report.steps}
    assert report.verdict == "passed"
    assert (report.began, report.ended) == ("2026-01-01T00:00:00.000Z", NOW)
    assert said["label"] == "the technician says so"
    assert (
        said["button-police"] == "heard by the device, and seen by the technician; alarm id a1; kind panic; status test"
    )
    assert said["power-cut"] == "heard by the device"
    assert "registered by thandi" in said["answer"]
    assert [figure.name for figure in report.steps[1].figures] == ["heard after"]


@pytest.mark.parametrize("step", HEARD)
def test_a_step_that_only_the_file_calls_passed_is_refused_by_its_name(step: str) -> None:
    street = Street()
    street.go(until=step)
    street.walk.say("leave-out", street.now_s, "no time")
    street.go()
    assert sealed(street).verdict == "incomplete"
    if step in {"self-test", "button-police"}:  # the device has, in another step
        sealed(street, forged(street, step))
        return
    with pytest.raises(NotSeen, match=f"passed: {step};"):
        sealed(street, forged(street, step))


def test_a_file_without_any_walk_becomes_no_report() -> None:
    street = Street()
    with pytest.raises(NotSeen, match="self-test, siren, button-police"):
        sealed(street, forged(street))
    street.obey()
    with pytest.raises(NotSeen, match="self-test"):
        sealed(street, forged(street))


def test_a_figure_in_the_file_gets_into_no_report() -> None:
    street = walked()
    figures = ({"after_s": 0.0, "alarm_id": "a9"}, {"after_s": 0.0, "latency_ms": {"sent": 1}})
    false = [each.model_copy(update={"figures": figures}) for each in street.walk.kept.verdicts]
    report = sealed(street, street.walk.kept.model_copy(update={"verdicts": tuple(false)}))
    assert "a9" not in report.model_dump_json()
    told = [(figure.name, figure.value) for step in report.steps for figure in step.figures]
    assert ("sent after", 1) not in told
    assert len(told) == sum(len(step.figures) for step in sealed(street).steps)


def test_a_test_that_was_ordered_anew_is_told_from_its_beginning() -> None:
    street = walked()
    [step] = [step for step in street.steps if step.id == "siren"]
    [verdict] = [each for each in street.walk.kept.verdicts if each.step == "siren"]
    heard = street.witness.seen().figures(step, verdict)
    assert heard is not None
    assert [[*each] for each in heard] == [["after_s"], ["after_s", "steps"]], "first the siren, then the test's end"


def test_of_a_step_that_was_tried_twice_the_try_that_has_passed_is_told() -> None:
    street = Street()
    street.go(until="button-fire")
    street.do()
    street.obey()
    street.walk.say("no", street.now_s, "yellow is dark")
    street.walk.say("again", street.now_s)
    street.go()
    [said] = [step.said for step in sealed(street).steps if step.name == "button-fire"]
    [kept] = [each for each in street.walk.kept.verdicts if each.step == "button-fire"]
    assert kept.tries == 2
    [alarm_id] = [figure["alarm_id"] for figure in kept.figures if "alarm_id" in figure]
    assert f"alarm id {alarm_id}" in said


def test_what_was_heard_in_another_walk_counts_in_none_after_it() -> None:
    street = walked()
    another = "01a21ac6-20c1-749b-a36a-313f56ef2118"
    with pytest.raises(NotSeen, match="self-test"):
        sealed(street, forged(street, walk=another))
    street.result(Order("rebirth", {}, f"{another}-1-1"), "rejected", "the key is not known")
    sealed(street)
    street.result(Order("ping", {}, "01a21ac6-20c1-749b-a36a-313f56ef2119"), "succeeded", "here")
    sealed(street)
    street.result(Order("rebirth", {}, f"{another}-1-1"), "succeeded", "ok")
    with pytest.raises(NotSeen, match="self-test"):
        sealed(street)
    assert len(street.kept) == 2, "the walk, and that it is at the first broker, as before"


def test_what_was_heard_survives_the_agent_s_death_and_what_can_t_be_read_is_forgotten() -> None:
    street = walked()
    before = sealed(street)
    assert Witness(street.steps, dict(street.kept), lambda *_: None).seen() == street.witness.seen()
    street.start_again(cut=False)
    assert sealed(street) == before
    spoilt = Witness(street.steps, dict.fromkeys(street.kept, "{"), lambda *_: None)
    assert spoilt.seen().walk == ""


def test_an_alarm_in_earnest_that_the_file_hides_stands_in_the_report() -> None:
    street = Street()
    street.go(until="button-police")
    alarm_id = street.press("fire")
    street.advance(alarm_id, Stage.CLOSED)
    street.go()
    [told] = sealed(street).in_earnest
    assert (told.alarm_id, told.input, told.step) == (alarm_id, "fire", "button-police")
    [hidden] = sealed(street, street.walk.kept.model_copy(update={"interruptions": ()})).in_earnest
    assert (hidden.alarm_id, hidden.input, hidden.step) == (alarm_id, "fire", "none")


def test_a_report_with_all_the_alarms_that_are_kept_is_no_longer_than_a_broker_takes() -> None:
    street = walked()
    for _ in range(300):
        street.advance(street.press("fire"), Stage.CLOSED)
    report = sealed(street)
    size = len(report.model_dump_json(exclude_none=True)) + len(json.dumps(listed(report)))
    # A third is left for signatures, certificates and the steps of a device that has more.
    assert size < MAXIMUM_PACKET_BYTES * 2 / 3
    assert len(report.in_earnest) >= 100


def test_what_is_kept_is_bounded_however_long_a_walk_lasts() -> None:
    street = Street(replace(KIOSK, buttons=KIOSK.buttons[:1], conditions=()))
    street.go(until="camera-front-sees")
    street.walk.say("leave-out", street.now_s, "later")
    for _ in range(50):
        street._camera("front", "sees", active=True)
    size = sum(map(len, street.kept.values()))
    for _ in range(500):
        street._camera("front", "sees", active=True)
        street.result(Order("ping", {}, f"{WALK}-9-9"), "succeeded", "here")
    assert sum(map(len, street.kept.values())) < size + 100
