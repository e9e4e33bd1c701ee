"""A made-up kiosk and the technician in front of it, for tests of a walk. Its messages are the contract's own."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from agent.contract.camera_events import PersonEnteredData
from agent.contract.envelope import Stamp, seal
from agent.contract.events import CameraTamperData, ConditionData, InputFaultData, SelfTestData
from agent.contract.lamps import IDLE, PRESSED, TEST_MODE, UNCONFIRMED, LightState, for_open_alarms
from agent.contract.messages import AlarmData, AlarmsData, Answer, Draft, ResultData
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction, Codes, Fault, TamperKind
from agent.core.commissioning.plan import Button, Camera, Equipment, Order, plan
from agent.core.commissioning.record import Kept
from agent.core.commissioning.walk import View, Walk
from agent.core.commissioning.witness import Witness
from agent.core.wiring import ConditionRules
from tests.support.drafts import FACTORY, IDENTITY, alarm_data

WALK = "01a21ac6-20c1-749b-a36a-313f56ef2117"
CENTRE = Answer(issuer="thandi", at="2026-01-01T00:00:01.000Z")
_CODES: Codes = {"contact_id": "137", "sia": "TA"}
_AT = "2026-01-01T00:00:00.000Z"
KIOSK = Equipment(
    source=IDENTITY.source,
    place="pillar 7",
    serial="10000000abcdef01",
    buttons=(Button("police", supervised=True), Button("hidden", silent=True), Button("fire", hold_s=2)),
    conditions=(
        ConditionRules("door", "tamper", 0, 10),
        ConditionRules("mains", "mains", 60, 10),
        ConditionRules("battery", "battery", 5, 10),
    ),
    outputs=frozenset({"yellow", "green", "beacon", "tone", "siren"}),
    cameras=(Camera("front", zones=2, masks=1),),
    brokers=("mqtts://a.example:8883", "mqtts://b.example:8883"),
)


class Street:
    """The kiosk, the technician, and the centre; every line of the tap goes to `walk` at once."""

    def __init__(self, has: Equipment = KIOSK) -> None:
        self.has = has
        self.steps = plan(has)
        self.now_s = 1000.0
        self.boot, self.after_cut = "b1", False
        self.alarms: dict[str, AlarmData] = {}
        self.tested: list[str] | None = []
        """The buttons in test mode; None: all."""
        self.ordered: list[Order] = []
        self.refuses: dict[str, str] = {}
        """What the device says no to, by the name of the command."""
        self._seq = self._alarms = 0
        self.kept: dict[str, str] = {}
        """What the agent keeps for its next start."""
        self.witness = Witness(self.steps, {}, self._keep)
        self.walk = Walk.begin(self.steps, WALK, self.now_s)
        self._tell_start()

    # --- the program that drives the walk

    def resume(self) -> None:
        """The program dies and comes back: nothing is left but what is kept, and lines are missed meanwhile."""
        kept = Kept.model_validate_json(self.walk.kept.model_dump_json())
        self.walk = Walk.resume(self.steps, kept, self.now_s)
        self._tell_start()

    def start_again(self, *, cut: bool) -> None:
        """The machine starts again, after a power cut or by itself, and the program connects again."""
        self.boot, self.after_cut = self.boot + "'", cut
        self.witness = Witness(self.steps, dict(self.kept), self._keep)
        self.resume()

    def _keep(self, key: str, value: str | None) -> None:
        self.kept.pop(key, None)
        if value is not None:
            self.kept[key] = value

    def _tell_start(self) -> None:
        self.tell({"started": {"boot": self.boot, "cut": self.after_cut}})

    def tell(self, line: Draft | Mapping[str, Any]) -> None:
        """Let the walk hear a line, and before it the agent's own witness."""
        said = self.sealed(line) if isinstance(line, Draft) else line
        self.witness.take(said, self.now_s)
        self.walk.take(said, self.now_s)

    def sealed(self, draft: Draft) -> Mapping[str, Any]:
        self._seq += 1
        stamp = Stamp(f"m{self._seq}", self._seq, _AT, int(self.now_s * 1000), "synced")
        line: Mapping[str, Any] = json.loads(seal(draft, IDENTITY.source, self.boot, stamp))
        return line

    def obey(self) -> None:
        """The device does what it was ordered to, until nothing more is ordered."""
        while orders := self.walk.orders():
            for order in orders:
                self.ordered.append(order)
                self._do(order)

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        self.walk.tick(self.now_s)

    # --- the device

    def lamps(self, state: LightState, **lit: bool) -> None:
        self.tell({"lamps": state.as_dict(), "lit": lit})

    def press(self, name: str) -> str:
        """A press of this button; returns its alarm."""
        is_test = self.tested is None or name in self.tested
        is_silent = next(button.silent for button in self.has.buttons if button.name == name)
        self._alarms += 1
        alarm_id, status = f"a{self._alarms}", "test" if is_test else "actual"
        if not is_silent:
            self.lamps(PRESSED, green=False)
        self.change("raised", alarm_data(alarm_id, input=name, status=status, silent=is_silent))
        if not is_test and not is_silent:
            self.tested = []
        return alarm_id

    def change(self, change: Any, data: AlarmData) -> None:
        self.alarms[data.alarm_id] = data
        if change == "closed":
            del self.alarms[data.alarm_id]
        self.tell(FACTORY.alarm(change, data))

    def advance(self, alarm_id: str, stage: Stage) -> None:
        """The alarm comes to this stage; `registered` is a person's answer at the centre."""
        update: dict[str, Any] = {"stage": stage}
        if stage is Stage.REGISTERED:
            update["answered_by"] = {AckAction.REGISTERED: CENTRE}
        self.change("closed" if stage is Stage.CLOSED else "updated", self.alarms[alarm_id].model_copy(update=update))
        audible = [alarm.stage for alarm in self.alarms.values() if not alarm.silent]
        idle = IDLE if self.tested == [] else TEST_MODE
        self.lamps(for_open_alarms(audible) if audible else idle, green=stage is Stage.REGISTERED)

    def fault(self, name: str, active: bool) -> None:
        data = InputFaultData(input=name, fault=Fault.OPEN, active=active, since=_AT, presses=0)
        self.tell(FACTORY.input_fault(data))

    def condition(self, name: str, active: bool) -> None:
        kind = next(each.kind for each in self.has.conditions if each.name == name)
        self.tell(FACTORY.condition(ConditionData(input=name, kind=kind, active=active, since=_AT, codes=_CODES)))

    def self_test(self, outcome: Any, *, siren: bool = False) -> None:
        if siren:
            self.tell({"siren": True})
        self.tell(FACTORY.self_test(SelfTestData(outcome=outcome, reason="command", steps=())))

    def _do(self, order: Order) -> None:
        args, refusal = order.args, self.refuses.get(order.name)
        if refusal is not None:
            self.result(order, "failed", refusal)
            return
        match order.name:
            case "test-mode":
                self.tested = args.get("inputs") if args["seconds"] else []
                self.lamps(TEST_MODE if args["seconds"] else IDLE)
            case "ack" if args["alarm_id"] not in self.alarms:
                self.result(order, "failed", "there is no open alarm with that id")
                return
            case "ack":
                self.advance(args["alarm_id"], Stage.CLOSED)
            case "rebirth":
                self.tell(FACTORY.alarms(AlarmsData(open=tuple(self.alarms.values()))))
            case "self-test":
                self.result(order, "in-progress", "asked")
                return
        self.result(order, "succeeded", "ok")

    def result(self, order: Order, status: Any, text: str) -> None:
        data = ResultData(command_id=order.id, name=order.name, status=status, code="ok", text=text)
        self.tell(FACTORY.result(data))

    # --- the technician

    def do(self) -> None:
        """Do what the walk asks for now, once."""
        view = self.walk.view()
        if view.asks:
            assert self.walk.say("yes", self.now_s)
            return
        what, _, name = view.step.partition("-")
        doings: dict[str, Callable[[], object]] = {
            "self": lambda: self.self_test("passed"),
            "siren": lambda: self.self_test("passed", siren=True),
            "button": lambda: self.press(name),
            "tone": lambda: self._raise_to(Stage.UNCONFIRMED),
            "answer": lambda: self._raise_to(Stage.REGISTERED),
            "contacts": lambda: self.fault(name, active=view.heard == 0),
            "input": lambda: self.condition(name, active=self._is_first_of_two(view)),
            "camera": lambda: self._camera(*name.split("-"), active=self._is_first_of_two(view)),
            "paths": lambda: self.tell({"path": {"broker": self.has.brokers[name != "back"], "up": True}}),
            "power": lambda: self.start_again(cut=True),
        }
        doings[what]()

    def _is_first_of_two(self, view: View) -> bool:
        """Whether the first of a step's two changes is due: by its lines, or by its acts."""
        return view.heard == 0 and not view.say.startswith(("Take", "Connect", "Switch", "Open that"))

    def _raise_to(self, stage: Stage) -> None:
        alarm_id = self.press("police")
        self.advance(alarm_id, stage)
        if stage is Stage.UNCONFIRMED:
            self.lamps(UNCONFIRMED)

    def _camera(self, camera: str, what: str, *, active: bool) -> None:
        common: dict[str, Any] = {"event_id": "e1", "camera": camera}
        if what == "sees":
            seen = {"frame_monoms": 1, "persons": 1, "track": "0a1b2c3d-1", "score": 0.5, "duration_ms": 1}
            self.tell(FACTORY.camera_event("person-entered", PersonEnteredData(**common, **seen, box=(0, 0, 1, 1))))
            return
        tamper = {"kind": TamperKind.COVERED, "active": active, "since": _AT, "detail": "", "codes": _CODES}
        self.tell(FACTORY.camera_tamper(CameraTamperData(**common, **tamper)))

    def go(self, until: str = "") -> None:
        """Walk until this step is under way, or to the end."""
        for _ in range(200):
            self.obey()
            view = self.walk.view()
            if view.state == "done" or (view.step == until and view.state == "acting"):
                return
            assert view.state == "acting", view
            self.now_s += 1
            self.do()
        raise AssertionError(f"the walk never came to {until or 'its end'}: {self.walk.view()}")
