from typing import Any

from agent.contract.events import ServiceData
from agent.contract.lamps import IDENTIFY, IDLE, OUT_OF_SERVICE, TEST_MODE
from agent.contract.messages import SecurityData
from agent.core.alarms.service import Service
from agent.core.facts import CentreWatched, UplinkChanged
from agent.runtime.alarms.readiness import SERVICE, Readiness
from tests.support.context import Collected, make_context

S = 10**9


class Kiosk:
    def __init__(self) -> None:
        self.drafts = Collected()
        context = make_context(self.drafts)
        self.board = context.board
        self.board.report(SERVICE, ok=True)
        self.is_ready = Readiness(service=Service(300 * S, 0), context=context)
        self.is_ready.take(UplinkChanged(True), 0)

    def told(self, at_s: float) -> list[tuple[str, Any]]:
        """Topics and data of what a tick at this second has to tell."""
        self.is_ready.tick(int(at_s * S))
        for tell in self.is_ready.reports():
            tell()
        drafts, self.drafts[:] = list(self.drafts), []
        return [(draft.topic.partition("/up/")[2], draft.data) for draft in drafts]


def test_a_kiosk_without_trouble_is_idle_and_waits_for_nothing() -> None:
    kiosk = Kiosk()
    assert kiosk.told(1_000) == []
    assert kiosk.is_ready.lights() == IDLE
    assert kiosk.is_ready.next_due_ns() is None


def test_out_of_service_is_shown_and_told_with_its_reasons_and_so_is_its_end() -> None:
    kiosk = Kiosk()
    kiosk.is_ready.take(CentreWatched(False, "nobody"), 10 * S)
    assert kiosk.is_ready.next_due_ns() == 310 * S
    assert kiosk.told(309) == []

    assert kiosk.told(310) == [("event/out-of-service", ServiceData(reasons=("no-centre",)))]
    assert kiosk.is_ready.lights() == OUT_OF_SERVICE
    assert not kiosk.board.parts()[SERVICE].ok
    assert "no-centre" in kiosk.board.parts()[SERVICE].detail

    kiosk.is_ready.take(CentreWatched(True, "somebody"), 400 * S)
    assert kiosk.told(400) == [("event/in-service", ServiceData(reasons=()))]
    assert kiosk.is_ready.lights() == IDLE
    assert kiosk.board.parts()[SERVICE].ok


def test_test_mode_is_shown_and_told_at_its_beginning_and_at_its_end() -> None:
    kiosk = Kiosk()
    kiosk.is_ready.begin_tests(["police"], 10 * S, 60)
    assert kiosk.is_ready.lights() == TEST_MODE
    assert kiosk.is_ready.is_test("police", 69 * S)
    assert kiosk.is_ready.next_due_ns() == 70 * S
    [(topic, data)] = kiosk.told(69)
    assert topic == "security/test-mode-began"
    assert isinstance(data, SecurityData)
    assert data.detail == {"input": "police", "inputs": ["police"], "seconds": 60}

    [(topic, _)] = kiosk.told(70)
    assert topic == "security/test-mode-ended"
    assert kiosk.is_ready.lights() == IDLE
    assert not kiosk.is_ready.is_test("police", 69 * S)
    kiosk.is_ready.end_tests("again")
    assert kiosk.told(71) == []


def test_test_mode_of_several_inputs_names_them_and_one_of_all_names_none() -> None:
    kiosk = Kiosk()
    kiosk.is_ready.begin_tests(["police", "fire"], 0, 60)
    [(_, several)] = kiosk.told(0)
    kiosk.is_ready.begin_tests(None, 0, 60)
    [(_, every)] = kiosk.told(0)

    assert several.detail == {"input": None, "inputs": ["police", "fire"], "seconds": 60}
    assert several.text == "presses of police, fire are tests"
    assert every.detail == {"input": None, "seconds": 60}


def test_identify_goes_before_test_mode_and_test_mode_before_out_of_service() -> None:
    kiosk = Kiosk()
    kiosk.is_ready.take(UplinkChanged(False), 0)
    kiosk.told(300)
    kiosk.is_ready.begin_tests(None, 300 * S, 60)
    assert kiosk.is_ready.lights() == TEST_MODE
    kiosk.is_ready.identify(310 * S)
    assert kiosk.is_ready.lights() == IDENTIFY

    kiosk.told(310)
    assert kiosk.is_ready.lights() == TEST_MODE
    kiosk.told(360)
    assert kiosk.is_ready.lights() == OUT_OF_SERVICE
