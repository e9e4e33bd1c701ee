"""Plays `tests/vectors/` to the library; `tests/control_room/vectors_program.ts` plays them to the page's twin."""

import json
from pathlib import Path
from typing import Any

from agent.contract.messages import ResultData
from edge_centre.library import (
    Consumer,
    Duplicate,
    LivePicture,
    NewMessage,
    NewPicture,
    Notice,
    Replay,
    Unreadable,
)

VECTORS = Path(__file__).parents[1] / "vectors"
MESSAGES: dict[str, Any] = json.loads((VECTORS / "messages.json").read_text())
KIOSK = "gp/park-station/kiosk-1"
HEALTH_S = 75
MOST_LISTED = 20
NOTHING: dict[str, Any] = {
    "open": [], "presence": "unknown", "nonce": None, "lamps": "off off steady off", "holes": [], "again": {},
}  # fmt: skip
"""What is known before the first message."""
Json = dict[str, Any]
_TAKEN = (Duplicate, LivePicture, NewPicture, Unreadable)


CASES = {
    f"{path.stem}: {case['case']}": case
    for path in sorted(VECTORS.glob("*.json"))
    if path.stem != "messages"
    for case in json.loads(path.read_text())
}


class Player:
    """A consumer, fed with the steps of one case."""

    def __init__(self, case: Json) -> None:
        self.consumer = Consumer(brokers=case.get("brokers", []))
        self.now_s = 0.0
        self._seq = 0
        self._alive: dict[str, str] = {}
        self._asked: list[Replay] = []
        self.consumer.connection("a", up=True, now_s=0.0)

    def play(self, step: Json) -> list[str]:
        """Return what is told, as the vectors write it."""
        self.now_s = step.get("at", self.now_s)
        if "count" in step:
            for more in range(step["count"] - 1):
                self._told(_numbered(step, more))
        last = _numbered(step, step["count"] - 1) if "count" in step else step
        words = [word for each in self._told(last) if (word := _word(each)) is not None]
        return sorted(words) if "wait" in step else words

    def _told(self, step: Json) -> list[Notice | str]:  # noqa: C901 - one row for each step
        match step:
            case {"link": broker, "up": up}:
                self.consumer.connection(broker, up, self.now_s)
            case {"hear": kind}:
                payload = message(kind, step)
                return self._hear(kind, payload, step)
            case {"bring": topic}:
                once = bytes.fromhex(step["hex"]) if "hex" in step else step["text"].encode()
                return self._bring(topic, once * step.get("times", 1), step)
            case {"alive": names}:
                self._alive |= dict.fromkeys(names, step.get("broker", "a"))
            case {"dark": names}:
                self._alive = {name: broker for name, broker in self._alive.items() if name not in names}
            case {"wait": seconds}:
                return self._wait(seconds)
            case {"decide": _}:
                return [*self.consumer.decide(self.now_s)]
            case {"replays": _}:
                due = [*self.consumer.replays(self.now_s)]
                self._asked += due
                return [f"ask {each.first}-{each.last}" for each in due]
            case {"replayed": result}:
                answer = None if result is None else ResultData.model_validate(MESSAGES["result"]["data"] | result)
                return [*self.consumer.replayed(self._asked[-1], answer, self.now_s)]
            case {"rebirths": _}:
                return [f"rebirth {source}" for source in self.consumer.rebirths(self.now_s)]
            case {"settle": alarm_id}:
                self.consumer.devices[f"/edge/{KIOSK}"].settle(alarm_id)
        return []

    def _hear(self, kind: str, payload: Json, step: Json) -> list[Notice | str]:
        topic = f"edge/v1/{step.get('of', KIOSK)}/up/{step.get('level', MESSAGES[kind]['level'])}"
        return self._bring(topic, json.dumps(payload).encode(), step)

    def _bring(self, topic: str, payload: bytes, step: Json) -> list[Notice | str]:
        told = self.consumer.hear(step.get("broker", "a"), topic, payload, step.get("retain", False), self.now_s)
        said = [each for each in told if not isinstance(each, NewMessage)]
        is_taken = len(said) < len(told) or any(isinstance(each, _TAKEN) for each in told)
        return [*said] if is_taken else [*said, "nothing"]

    def _wait(self, seconds: float) -> list[Notice | str]:
        told: list[Notice | str] = []
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s = min(end_s, self.now_s + 0.5)
            for number, (name, broker) in enumerate(self._alive.items()):
                if self.now_s % HEALTH_S == number * 7 % HEALTH_S:
                    self._seq += 1
                    head = {"monoms": int(self.now_s * 1000)}
                    step = {"of": name, "seq": 1000 + self._seq, "broker": broker, "head": head}
                    told += self._hear("health", message("health", step), step)
            told += self.consumer.tick(self.now_s)
        return told

    @property
    def state(self) -> Json:
        """What is known."""
        alarms = sorted(_known(alarm) for alarm in self.consumer.open_alarms())
        alarms = alarms if len(alarms) <= MOST_LISTED else [f"{len(alarms)} alarms"]
        device = self.consumer.devices.get(f"/edge/{KIOSK}")
        if device is None:
            return NOTHING | {"open": alarms}
        again = {
            alarm.alarm_id: due for alarm in device.open_alarms if (due := device.raises_again_s(alarm)) is not None
        }
        lamps = device.lamps
        return {
            "open": alarms,
            "presence": device.presence.value,
            "nonce": device.nonce,
            "lamps": f"{lamps.yellow} {lamps.green} {lamps.beacon} {lamps.tone}",
            "holes": [[*hole] for hole in device.holes],
            "again": again,
        }


def _numbered(step: Json, more: int) -> Json:
    """Return the step for the message after so many more; `#` in it stands for its number."""
    seq = step["seq"] + more
    numbered: Json = json.loads(json.dumps(step).replace("#", str(seq)))
    return numbered | {"seq": seq}


def message(kind: str, step: Json) -> Json:
    """Return the envelope that a step describes."""
    head, shape = step.get("head", {}), MESSAGES[kind]
    epoch, seq = head.get("epoch", "e1"), step["seq"]
    data = shape["data"] | step.get("data", {})
    if kind == "alarms" and "open" in step.get("data", {}):
        data["open"] = [MESSAGES["alarm"]["data"] | each for each in data["open"]]
    mine = {"id": f"{epoch}-{seq}", "type": shape["type"], "source": f"/edge/{step.get('of', KIOSK)}", "seq": seq}
    counted = {"monoms": seq * 1000, "nonce": f"{epoch}-n{seq}", "epoch": epoch}
    return {**MESSAGES["envelope"], **mine, **counted, **head, "data": data}


def _known(alarm: Any) -> str:
    lost = f", lost: {alarm.lost}" if alarm.lost else ""
    held = f", held by {alarm.data.held_by.by}" if alarm.data.held_by else ""
    return f"{alarm.alarm_id} {alarm.data.stage}{held}{lost}{'' if alarm.may_send_somebody else ', for nobody'}"


def _word(notice: Notice | str) -> str | None:
    if isinstance(notice, str):
        return notice
    word: str | None = _WORDS[type(notice).__name__](notice)
    return word


def _presence(each: Any) -> str | None:
    if each.source != f"/edge/{KIOSK}":
        return None
    return f"{each.before} > {each.presence}{' restarted' if each.restarted else ''}"


_WORDS: dict[str, Any] = {
    "NewPicture": lambda each: f"picture {each.picture_id}",
    "LivePicture": lambda each: f"live picture {each.camera}",
    "Duplicate": lambda each: f"duplicate {each.id}",
    "Unreadable": lambda each: "unreadable",
    "PresenceChanged": _presence,
    "DevicesGone": lambda each: f"gone {each.place}: {_names(each)}, of {each.of}{_last_word(each)}",
    "DevicesBack": lambda each: f"back {each.place}: {_names(each)}, left {each.left}",
    "EpochChanged": lambda each: f"epoch {each.epoch}",
    "HoleFound": lambda each: f"hole {each.first}-{each.last}",
    "HoleFilled": lambda each: f"filled {each.number}",
    "RecordLost": lambda each: f"record lost {each.first}-{each.last}: {each.why}",
    "RecordSkipped": lambda each: f"skipped {each.first}-{each.last}",
    "AlarmChanged": lambda each: (
        f"alarm {each.alarm.alarm_id}: {each.before.data.stage if each.before else 'unknown'} > {each.alarm.data.stage}"
    ),
    "AlarmReopened": lambda each: (
        f"reopened {each.alarm.alarm_id}: {each.alarm.data.stage}, {each.presses} presses since"
    ),
    "AlarmLost": lambda each: f"lost {each.alarm.alarm_id}: {each.alarm.lost}",
}


def _names(each: Any) -> str:
    return (
        " ".join(source.removeprefix("/edge/") for source in each.sources)
        if len(each.sources) < 4
        else f"{len(each.sources)} devices"
    )


def _last_word(each: Any) -> str:
    by = f" by {' '.join(each.unheard)}" if each.unheard else ""
    return f", last heard{by} at {each.heard_s:g}" if each.heard_s >= 0 else ", never heard"


def mismatches(case: Json) -> list[str]:
    """Return what the library tells, or knows, otherwise than the case says; each with the number of the step."""
    player, state, wrong = Player(case), NOTHING, list[str]()
    for number, step in enumerate(case["steps"], 1):
        told = player.play(step)
        state = state | step.get("now", {})
        if told != step.get("told", []):
            wrong.append(f"step {number}: told {told}")
        if (known := player.state) != state:
            wrong.append(f"step {number}: knows {known}")
    return wrong
