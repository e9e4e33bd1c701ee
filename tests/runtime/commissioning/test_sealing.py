"""A walk's report, drafted and sealed by the device with real keys."""

import json
import queue
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.bootstrap.commissioning import equipment
from agent.bootstrap.sealing import make_sealing
from agent.cli.sealing import Desk
from agent.contract.commissioning import Report
from agent.contract.envelope import MessageFactory, rfc3339
from agent.core.commissioning.plan import plan
from agent.core.commissioning.record import Interruption, Kept, Outcome, Verdict
from agent.core.commissioning.witness import Seen
from agent.core.errors import EdgeAgentError
from agent.outbox.replay import ReplayEnd
from agent.outbox.reporter import Reporter
from agent.provisioning.sealing import sealed
from agent.runtime.cameras.cameras import Cameras, View
from agent.runtime.commissioning import sealing
from agent.runtime.commissioning.sealing import FILE
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.health import HealthBoard
from agent.runtime.supervision.security import SecurityLog
from agent.runtime.supervision.supervisor import Supervisor
from agent.runtime.uplink.announcer import Announcer
from agent.settings import load
from agent.settings.tree import Settings
from agent.trust.jose_keys import KeyRing, PrivateKey
from tests.support.agent_process import as_toml
from tests.support.commissioning import ENDED, USER, Office, signature
from tests.support.drafts import body, open_outbox, security, taken
from tests.support.message_table import META
from tests.support.sim_clock import SimClock
from tests.support.wait import PATIENCE_S, wait_for

IN_A_PROCESS = sealing.in_a_process
SERIAL = "10000000abcdef01"
BEGAN = "2025-12-31T23:00:00.000Z"


class Views(Cameras):
    def view(self, camera: str) -> View:
        return View(b"\xff\xd8 what " + camera.encode() + b" sees \xff\xd9" if camera == "front" else None)


class Device:
    """A kiosk with two cameras, one of which is dead, an office that knows it, and its technician."""

    def __init__(self, directory: Path, *, has_certificate: bool = True) -> None:
        self.serial = SERIAL
        self.seen = Seen()
        """What the device has heard: all that the walk says that was made last."""
        self.office = Office.create(directory)
        files = self.office.files
        self.settings = settings_of(directory, files.cert if has_certificate else None, files.key)
        self.clock = SimClock(wall=ENDED)
        self.outbox = open_outbox(directory / "outbox", self.clock, identity=self.settings.identity)
        supervisor = Supervisor()
        self.thread = supervisor.thread("store", self.outbox.writer, wake=self.outbox.writer.wake)
        reporter = Reporter(MessageFactory(self.settings.identity), self.outbox)
        board = HealthBoard(reporter)
        self.context = Context(self.clock, reporter, board, SecurityLog(reporter, self.clock), supervisor)
        self.announcer = Announcer(context=self.context, outbox=self.outbox, meta=META, config_revision="abc")
        self.keys = KeyRing(self.office.keys)
        self.keys.reload()
        self.begin()

    def begin(self) -> None:
        """The agent starts."""
        views = Views(HealthBoard(self.context.reporter))
        in_use: Any = self
        witness: Any = SimpleNamespace(seen=lambda: self.seen)
        self.sealing = make_sealing(
            in_use, self.context, self.outbox, self.keys, views, self.announcer, lambda: (self.serial,), witness
        )

    def ask(self, word: str, request: Mapping[str, Any] | bytes) -> dict[str, Any]:
        answers = queue.SimpleQueue[Mapping[str, Any]]()
        self.sealing.ask(word, request if isinstance(request, bytes) else json.dumps(request).encode(), answers.put)
        return dict(answers.get(timeout=PATIENCE_S))

    def draft(self, kept: Kept | None = None, **more: Any) -> dict[str, Any]:
        kept = kept or self.walked()
        return self.ask("draft", {"kept": kept.model_dump(), "kid": self.office.technician.kid, **more})

    def sign(self, drafted: Mapping[str, Any], key: PrivateKey | None = None, **more: Any) -> dict[str, Any]:
        report = Report.model_validate(drafted["draft"]["report"])
        half = signature(report, key or self.office.technician)
        return self.ask("report", {"report": report.id, **half.model_dump(), **more})

    def walked(self, walk: str = "01a21ac6-20c1-749b-a36a-313f56ef2117", **outcomes: Outcome) -> Kept:
        steps = plan(equipment(self.settings, self.serial))
        verdicts = (
            Verdict(
                step=step.id,
                digest=step.digest,
                outcome=(outcome := outcomes.get(step.id.replace("-", "_"), "passed")),
                reason="" if outcome == "passed" else "nobody\x1b[2J knows",
                seconds=2.5,
                tries=2,
                at=rfc3339(ENDED),
                timeq="synced",
                figures=FIGURES.get(step.id, ()),
            )
            for step in steps
        )
        at = "2026-11-26T08:59:00.000Z"
        heard = {step.digest: (FIGURES.get(step.id, ()),) for step in steps}
        self.seen = Seen(walk, BEGAN, heard, {"a1": ("police", at)})
        interruption = Interruption(step="label", alarm_id="a1", input="police", raised_at=at)
        return Kept(walk=walk, verdicts=tuple(verdicts), interruptions=(interruption,))

    def messages(self) -> list[dict[str, Any]]:
        assert self.outbox.keep("all before", None).wait(PATIENCE_S)
        return [body(each) for each in taken(self.outbox)]


FIGURES: dict[str, tuple[dict[str, Any], ...]] = {
    "self-test": ({"after_s": 4.2, "steps": [{"name": "pins", "ok": True, "detail": "", "ms": 3}]},),
    "answer": (
        {"after_s": 0.0213, "alarm_id": "a2"},
        {"after_s": 6.0, "latency_ms": {"sent": 20}, "answered_by": {"registered": {"issuer": "thandi", "at": "x"}}},
    ),
}


def settings_of(directory: Path, cert: Path | None, key: Path) -> Settings:
    tree: dict[str, Any] = {
        "device": {
            "province": "gp",
            "site": "jhb-park-station",
            "id": "kiosk-0042",
            "location": {"lat": -26.1972, "lon": 28.0415, "text": "Park Station, pillar 7"},
        },
        "storage": {"directory": str(directory / "state")},
        "mqtt": {
            "brokers": ["mqtts://a.example"],
            **({"cert_file": str(cert), "key_file": str(key)} if cert is not None else {}),
        },
        "buttons": [{"name": "police", "pin": 17, "pin_nc": 5}],
        "lights": {"yellow": 22, "green": 27},
        "cameras": [{"name": name, "source": "picamera2:0"} for name in ("front", "dead")],
    }
    (directory / "state").mkdir()
    path = directory / "edge-agent.toml"
    path.write_text(as_toml(tree))
    return load(path, environ={})


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    monkeypatch.setattr(sealing, "in_a_process", lambda asked: sealed(json.loads(json.dumps(asked))))
    device = Device(tmp_path)
    with device.thread:
        yield device
    device.outbox.close()


def test_a_walk_becomes_a_report_that_two_keys_have_signed_and_whoever_checks_it_finds_all_in_order(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "in_a_process", IN_A_PROCESS)
    drafted = device.draft(device.walked(input_x="passed", camera_dead_sees="left-out"), name="Sipho Nkosi", note="wet")
    report = Report.model_validate(drafted["draft"]["report"])
    answer = device.sign(drafted)["sealed"]
    file = device.settings.storage.directory / FILE
    assert answer == {"report": report.id, "verdict": "incomplete", "file": str(file)}
    assert device.office.faults(file.read_bytes()) == []

    steps = {step.name: step for step in report.steps}
    assert (report.device.name, report.device.board) == (USER, SERIAL)
    assert (report.place.text, report.place.lat) == ("Park Station, pillar 7", "-26.197200")
    assert (report.by.name, report.by.issuer, report.note) == ("Sipho Nkosi", "sipho", "wet")
    assert (report.began, report.ended) == (BEGAN, rfc3339(ENDED))
    assert steps["camera-dead-sees"].said == "nobody [2J knows"
    assert [(each.name, each.value, each.unit) for each in steps["self-test"].figures] == [
        ("heard after", 4200, "ms"),
        ("pins", 3, "ms"),
    ]
    assert "registered by thandi" in steps["answer"].said
    assert [(each.name, each.value) for each in steps["camera-front-view"].figures] == [
        ("zones", 0),
        ("lines", 0),
        ("masks", 0),
    ]
    assert [each.alarm_id for each in report.in_earnest] == ["a1"]
    assert [each.name for each in report.pictures] == ["front"], "a dead camera sees nothing"
    assert ("police", "GPIO17 and GPIO5") in [(wire.name, wire.pins) for wire in report.wiring]

    said = {message["type"]: message for message in device.messages()}
    assert device.office.faults(json.dumps(said["edge.commissioning.v1"]).encode()) == []
    assert said["edge.meta.v1"]["data"]["commissioned"] == {
        "report": report.id,
        "at": report.ended,
        "by": "Sipho Nkosi",
        "verdict": "incomplete",
        "failed": [],
        "left_out": ["camera-dead-sees"],
    }


def test_what_the_device_has_not_seen_becomes_no_report_whoever_signs_it(device: Device) -> None:
    kept = device.walked()
    device.seen = replace(device.seen, walk="another-walk")
    refused = device.draft(kept)["refused"]
    assert "has not seen what this walk calls passed: self-test, button-police" in refused
    assert "--new" in refused


def test_a_walk_has_one_report_and_the_next_walk_s_report_follows_it(device: Device) -> None:
    first = device.sign(device.draft())["sealed"]
    assert device.draft() == {"sealed": first}, "whoever has missed the answer asks again"
    device.messages()
    second = device.sign(device.draft(device.walked("another-walk", label="failed")))["sealed"]
    assert second["verdict"] == "failed"
    said = [message["data"] for message in device.messages() if message["type"] == "edge.commissioning.v1"]
    assert [data["report"]["follows"] for data in said] == [first["report"]]
    meta = device.announcer.commissioned()
    assert meta is not None
    assert (meta.report, meta.verdict, meta.failed) == (second["report"], "failed", ("label",))


def test_a_power_cut_between_the_file_and_its_message_costs_neither(device: Device, monkeypatch: Any) -> None:
    drafted = device.draft()
    with monkeypatch.context() as cut:
        cut.setattr(device.sealing, "_publish", lambda _: {"report": "", "verdict": "", "file": ""})
        device.sign(drafted)
    assert device.messages() == []
    device.begin()
    answer = device.draft()["sealed"]
    assert answer["report"] == drafted["draft"]["report"]["id"]
    assert [message["type"] for message in device.messages()] == ["edge.commissioning.v1", "edge.meta.v1"]


def test_a_draft_that_a_power_cut_took_is_drafted_again(device: Device) -> None:
    drafted = device.draft()
    device.begin()
    assert "ask for one again" in device.sign(drafted)["refused"]
    assert "sealed" in device.sign(device.draft())


def test_what_is_no_finished_walk_of_this_device_is_not_drafted(device: Device) -> None:
    kept = device.walked()
    undone = kept.model_copy(update={"verdicts": kept.verdicts[:-1]})
    assert device.draft(undone)["refused"].endswith(": answer")
    changed = [each.model_copy(update={"digest": "of another wiring"}) for each in kept.verdicts[:1]]
    other = kept.model_copy(update={"verdicts": (*changed, *kept.verdicts[1:])})
    assert "settings have changed since: label" in device.draft(other)["refused"]
    assert "no request" in device.ask("draft", {"kept": {}})["refused"]
    assert "not JSON" in device.ask("report", b"\xff")["refused"]


def test_a_revoked_technician_a_stranger_and_an_operator_are_refused_in_words(device: Device) -> None:
    technician = device.office.technician
    drafted = device.draft()
    stranger = PrivateKey.generate("technician", "sipho")
    assert "not in the key set: revoked, or a stranger's" in device.sign(drafted, stranger)["refused"]
    forged = PrivateKey(technician.kid, technician.role, technician.issuer, stranger.key)
    assert "does not hold" in device.sign(drafted, forged)["refused"]

    operator = PrivateKey.generate("operator", "thandi")
    device.office.knows(operator)
    device.keys.reload()
    assert "revoked" in device.sign(drafted)["refused"], "since the draft"
    assert "revoked" in device.draft()["refused"]
    asked = {"kept": device.walked().model_dump(), "kid": operator.kid}
    assert "takes a technician's key" in device.ask("draft", asked)["refused"]
    assert not (device.settings.storage.directory / FILE).exists()
    assert device.messages() == []


def test_a_technician_s_signature_over_the_report_of_another_device_seals_nothing(device: Device) -> None:
    drafted = device.draft()
    other = json.loads(json.dumps(drafted))
    other["draft"]["report"]["device"]["name"] = "gp/jhb-park-station/kiosk-0007"
    assert "does not hold" in device.sign(other)["refused"]


def test_a_report_of_another_name_is_none_of_this_device_s(device: Device) -> None:
    device.sign(device.draft())
    device.settings = device.settings.model_copy(
        update={"device": device.settings.device.model_copy(update={"id": "kiosk-0043"})}
    )
    device.begin()
    assert "follows" not in device.draft()["draft"]["report"]


def test_a_device_without_a_certificate_says_that_it_can_sign_nothing(tmp_path: Path) -> None:
    device = Device(tmp_path, has_certificate=False)
    with device.thread:
        assert "no certificate" in device.draft()["refused"]
    device.outbox.close()


def test_a_walk_that_was_walked_on_after_its_report_is_not_told_that_it_is_sealed(device: Device) -> None:
    device.sign(device.draft(device.walked(button_police="failed")))
    device.messages()
    assert "begin another one with --new" in device.draft(device.walked())["refused"]
    assert device.messages() == []
    told = device.announcer.commissioned()
    assert told is not None
    assert told.verdict == "failed"


def test_a_walk_at_another_board_is_none_of_this_device_s(device: Device) -> None:
    kept = device.walked()
    device.serial = "20000000abcdef02"
    device.begin()
    assert "the settings have changed since" in device.draft(kept)["refused"]


def test_the_report_of_another_board_is_followed_and_not_told_again(device: Device) -> None:
    first = device.sign(device.draft())["sealed"]["report"]
    device.messages()
    device.outbox.keep("commissioned", None)
    device.serial = "20000000abcdef02"
    device.begin()
    drafted = device.draft(device.walked("another-walk"))
    assert drafted["draft"]["report"]["follows"] == first
    assert device.messages() == []


def test_a_technician_signs_no_report_but_that_of_the_walk(device: Device) -> None:
    """Whoever else listens to the tap may ask for a draft too, and every reader hears the answer."""
    mine, key = device.walked(button_police="failed"), device.office.technician
    others = {
        "button-police ended otherwise": mine.model_copy(update={"verdicts": device.walked().verdicts}),
        "another walk": mine.model_copy(update={"walk": "another-walk"}),
    }
    for why, other in others.items():
        near, far = socket.socketpair()
        with near, far:
            far.sendall(json.dumps(device.draft(other)).encode() + b"\n")
            with pytest.raises(EdgeAgentError, match=why):
                Desk(near).seal(mine, key)
            far.settimeout(0)
            assert far.recv(1 << 20).count(b"\n") == 1, "it has asked, and signed nothing"
    assert not (device.settings.storage.directory / FILE).exists()


def test_the_store_keeps_house_and_replays_after_a_report_as_before(device: Device) -> None:
    device.sign(device.draft())
    device.outbox.put(security("s1"))
    device.messages()
    outbox, ends = device.outbox, list[ReplayEnd]()
    outbox.replay.on_end, outbox.replay.wake = ends.append, outbox.wake
    outbox.replay.order("c1", 1, 1)

    def has_ended() -> bool:
        device.clock.advance(timedelta(seconds=1))
        outbox.wake()
        taken(outbox)
        return bool(ends)

    wait_for(has_ended, timeout_s=10, what="the end of the replay")
    assert ends[0].is_whole
