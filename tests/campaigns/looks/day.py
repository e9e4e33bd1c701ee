"""A day of looking, in a few minutes: operators look through a kiosk's camera, and it is killed again and again."""

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from agent.trust.jose_keys import PrivateKey, sign
from edge_centre.key_files import make_key
from tests.support.agent_process import AgentProcess
from tests.support.centre import Centre
from tests.support.looking import CAMERAS, TOPIC, Looking
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for

LEASE_S = 5


@dataclass
class Figures:
    """What a day has shown."""

    looks: int = 0
    """How many were granted, as far as anybody heard."""
    kills: int = 0
    pictures: int = 0
    told: int = 0
    """How many beginnings the record has."""
    first_s: list[float] = field(default_factory=list)
    """From sending the command to its first picture."""
    late_s: list[float] = field(default_factory=list)
    """From the end of a lease to the last picture, below 0 if that came before."""
    missing: list[str] = field(default_factory=list)
    """What the record lacks, or has otherwise than it was."""

    def __str__(self) -> str:
        first, late = max(self.first_s, default=0.0), max(self.late_s, default=0.0)
        return (
            f"{self.looks} looks, {self.kills} kills, {self.pictures} pictures; {self.told} beginnings in the record,"
            f" {len(self.missing)} missing; first picture after {first:.2f} s at most; last one {late:+.2f} s after the"
            f" lease at most"
        )


class Day:
    """One kiosk, its broker, and two operators."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.directory = directory
        self.figures = Figures()
        self.granted: dict[str, int] = {}
        """The looks of which a result was heard, and when their commands were sent."""

    def play(self, looks: int, kills: int) -> Figures:
        """Have so many looks, and so many of them ended by a kill at a random moment."""
        fates = ["kill"] * kills + [self.chance.choice(["lease", "stop", "renew"]) for _ in range(looks - kills)]
        self.chance.shuffle(fates)
        with (
            Mosquitto(self.directory / "broker") as broker,
            Centre(broker.port) as centre,
            AgentProcess(self.directory / "kiosk", broker.url, cameras=CAMERAS) as agent,
        ):
            operators = [Looking(centre, key) for key in (agent.key, self._second(agent))]
            for fate in fates:
                who = self.chance.choice(operators)
                who.wait_for_camera(agent)
                self._look(who, agent, fate)
            self._judge(operators[0])
        return self.figures

    def _second(self, agent: AgentProcess) -> PrivateKey:
        return make_key("supervisor", agent.directory / "keys")

    def _look(self, who: Looking, agent: AgentProcess, fate: str) -> None:
        sent_ns = now_ns()
        claims = who.claims("live-start", fps=5, lease_s=LEASE_S)
        who.centre.send("command/live-start", sign(claims, who.key))
        if fate == "kill":
            # Anywhere between the command and a second of pictures.
            time.sleep(self.chance.choice([0.0, 0.01, 0.03, 0.06, 0.1, 0.3, 1.0]) * self.chance.random())
            self.figures.kills += 1
            seen = len(who.centre.messages("health"))
            agent.kill()
            agent.start()
            wait_for(lambda: len(who.centre.messages("health")) > seen, what="the kiosk again")
            return
        live = str(who.centre.result(claims["cmd_id"])["output"]["live"])
        self.granted[live] = sent_ns
        self.figures.first_s.append((who.wait_for_picture(sent_ns).arrived_ns - sent_ns) / 1e9)
        if fate == "renew":
            time.sleep(self.chance.random())
            assert who.ask("live-start", live=live, fps=5, lease_s=LEASE_S)["code"] == "ok"
        elif fate == "stop":
            time.sleep(self.chance.random())
            assert who.ask("live-stop", live=live)["code"] == "ok"
        lease_from_ns = now_ns()
        ended = who.wait_for_end(live)
        if fate == "lease":
            lease_from_ns = sent_ns
        who.centre.subscriber.sync()
        last_ns = who.pictures()[-1].arrived_ns
        if fate == "stop":
            assert last_ns <= max(lease_from_ns, ended.arrived_ns) + 10**9
        else:
            self.figures.late_s.append((last_ns - lease_from_ns) / 1e9 - LEASE_S)

    def _judge(self, who: Looking) -> None:
        """Compare what was seen with what the record has."""

        def is_whole() -> bool:
            began = {each["live"] for each in who.told("live-started")}
            return began <= {each["live"] for each in who.told("live-stopped")}

        try:
            wait_for(is_whole, timeout_s=LEASE_S + 10, what="an end of every look")
        except AssertionError as error:
            self.figures.missing.append(str(error))
        began, ended = who.told("live-started"), who.told("live-stopped")
        names = [each["live"] for each in began]
        self.figures.looks, self.figures.told = len(self.granted), len(names)
        pictures = [heard for heard in who.centre.subscriber.heard if heard.topic == TOPIC]
        self.figures.pictures = len(pictures)
        missing = self.figures.missing
        missing += [
            f"{live} was granted, and its beginning is not in the record" for live in self.granted.keys() - names
        ]
        missing += [f"{live} ended and never began" for live in {each["live"] for each in ended} - {*names}]
        missing += [f"{live} is there twice" for live in names if names.count(live) > 1]
        missing += self._overlong(who)
        spans = self._spans(who)
        missing += [
            f"a picture at {seen.arrived_ns}"
            for seen in pictures
            if not any(a <= seen.arrived_ns <= b for a, b in spans)
        ]

    def _spans(self, who: Looking) -> list[tuple[int, int]]:
        """From when until when each look of the record stood: from when the device says, until this centre heard of
        it. An end that a kill has left untold comes after the next start."""
        ends = {m.data["detail"]["live"]: m.arrived_ns for m in who.centre.messages("security/live-stopped")}
        begins = {m.data["detail"]["live"]: m.monoms * 10**6 for m in who.centre.messages("security/live-started")}
        return [(at, ends.get(live, 0) + 10**8) for live, at in begins.items()]

    def _overlong(self, who: Looking) -> list[str]:
        """The looks that went on for more than a second after their lease, by the device's own clock."""
        since: dict[str, int] = {}
        for kind in ("live-started", "live-renewed"):
            for said in who.centre.messages(f"security/{kind}"):
                live = said.data["detail"]["live"]
                since[live] = max(since.get(live, 0), said.monoms)
        ended = {
            each.data["detail"]["live"]: each.monoms
            for each in who.centre.messages("security/live-stopped")
            if each.data["detail"]["why"] == "lease"
        }
        most_ms = (LEASE_S + 1) * 1000
        return [f"{live} went on after its lease" for live, at in ended.items() if at - since.get(live, at) > most_ms]


def now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
