"""The storm: rounds of bad weather, in each of which buttons are pressed and the agent is killed, frozen and restarted.

The plan is drawn from a seed before anything starts. After each round the weather clears, and the centre must come to
know of every press; a loss is so found in the round in which it happened.
"""

import random
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.campaigns.chaos.kiosk import KioskError, burst
from tests.campaigns.chaos.ledger import Verdict, judge
from tests.campaigns.chaos.notebook import Press
from tests.campaigns.chaos.weather import CLEAR, Weather
from tests.campaigns.chaos.world import World

_DEEDS = {
    "kill at a random moment": 8,
    "kill right after the last edge": 6,
    "kill while it starts": 2,
    "freeze and go on": 1,
    "stop and start": 1,
    "leave alone": 3,
}
"""What is done to the agent with a burst of presses, and how often of the sum."""
_ANSWERS = {"closed": 5, "registered": 2, "dispatched": 1, "": 3}
_KILLS = {name for name in _DEEDS if name.startswith("kill")}

_START_S = 0.8
"""About as long as a start takes."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One burst of presses, and what is done to the agent."""

    what: str
    presses: list[tuple[str, float]]
    when: float
    """Moment of an interference from outside, as a part of the burst's length."""

    @property
    def length_s(self) -> float:
        """How long the burst takes."""
        return sum(pause_s for _, pause_s in self.presses)


@dataclass(frozen=True, slots=True)
class Round:
    """One weather and what happens in it."""

    weather: Weather
    deeds: list[Deed]
    least_s: float
    """The weather lasts at least so long."""
    answer: str
    """What the centre says to all open alarms when it is over; empty for nothing."""


@dataclass(slots=True)
class WeatherReport:
    """What came of all rounds of one weather."""

    rounds: int = 0
    kills: int = 0
    lost: int = 0
    presses: list[Press] = field(default_factory=list)


@dataclass(slots=True)
class StormReport:
    """What came of it all."""

    verdict: Verdict
    weathers: dict[str, WeatherReport]
    kills: int
    starts: int
    slow_stops: int
    """Stops that ended with a kill: only a disk that hangs may be the reason."""
    overruns: int
    troubles: list[str]
    """What else must not be: a start that failed, a window overrun, an agent that ended by itself."""

    @property
    def faults(self) -> list[str]:
        """Everything that must not be."""
        return [*self.verdict.faults, *self.troubles]


def plan(rng: random.Random, passes: Sequence[Sequence[Weather]], kills: int) -> list[Round]:
    """A round for each weather of each pass, then rounds without any trouble until there are enough kills."""
    rounds = [_draw(rng, weather, rng.randint(3, 6)) for weathers in passes for weather in weathers]
    while count_kills(rounds) < kills:
        rounds.append(_draw(rng, CLEAR, 10))
    return rounds


def count_kills(rounds: Sequence[Round]) -> int:
    """How many kills a plan has."""
    return sum(deed.what in _KILLS for each in rounds for deed in each.deeds)


def _draw(rng: random.Random, weather: Weather, count: int) -> Round:
    names = [name for name in _DEEDS if weather.kills or name not in _KILLS]
    weights = [_DEEDS[name] for name in names]
    deeds = [
        Deed(
            what=rng.choices(names, weights)[0],
            presses=burst(rng, rng.randint(1, 8), 0.005, rng.choice([0.02, 0.15])),
            when=rng.random(),
        )
        for _ in range(count)
    ]
    answer = rng.choices(list(_ANSWERS), list(_ANSWERS.values()))[0]
    return Round(weather, deeds, rng.uniform(0.5, 4.0), answer)


class Storm:
    """Plays a plan in a world. `say` gets a line for each round."""

    def __init__(self, world: World, rounds: Sequence[Round], say: Callable[[str], None], until_s: float) -> None:
        """No round begins after `until_s` (time.monotonic)."""
        self._world = world
        self._rounds = rounds
        self._say = say
        self._until_s = until_s
        self._weathers: dict[str, WeatherReport] = {}
        self._lost = 0
        self._troubles: list[str] = []

    def play(self) -> StormReport:
        """From the first round to the books."""
        for number, each in enumerate(self._rounds, start=1):
            if time.monotonic() > self._until_s:
                self._troubles.append(f"out of time after {number - 1} of {len(self._rounds)} rounds")
                break
            self._say(f"round {number} of {len(self._rounds)}: {each.weather.name}; {_in_words(each.deeds)}")
            try:
                self._play(each)
            except (KioskError, AssertionError, subprocess.TimeoutExpired) as error:
                self._troubles.append(f"{each.weather.name}: {error}")
                self._say(f"  {error}")
                break
        return self._close_the_books()

    def _play(self, each: Round) -> None:
        world, kiosk = self._world, self._world.kiosk
        presses_before, kills_before = len(kiosk.presses()), kiosk.kills
        over_s = time.monotonic() + each.least_s
        with each.weather.begins(world):
            for deed in each.deeds:
                self._do(deed)
            while time.monotonic() < over_s:
                time.sleep(0.05)
        report = self._weathers.setdefault(each.weather.name, WeatherReport())
        report.rounds += 1
        if not world.settle(self._lost):
            # No more than what was made; what is missing is counted once, in this round.
            made = sum(press.certain for press in kiosk.presses())
            report.lost += (lost := made - self._lost - world.witness.poll())
            self._lost += lost
            self._say(f"  {lost} of the presses until now never reached the centre")
        report.presses += kiosk.presses()[presses_before:]
        report.kills += kiosk.kills - kills_before
        if each.answer:
            world.witness.answer(each.answer, kiosk.key)

    def _do(self, deed: Deed) -> None:
        kiosk = self._world.kiosk
        match deed.what:
            case "kill right after the last edge":
                kiosk.press(deed.presses, kill=True)
                kiosk.wait_until_killed()
                kiosk.start()
            case "kill at a random moment":
                kiosk.press(deed.presses)
                time.sleep(deed.when * deed.length_s)
                kiosk.kill()
                kiosk.start()
            case "kill while it starts":
                kiosk.press(deed.presses, kill=True)
                kiosk.wait_until_killed()
                kiosk.launch()
                time.sleep(deed.when * _START_S)
                kiosk.kill()
                kiosk.start()
            case "freeze and go on":
                kiosk.press(deed.presses)
                time.sleep(deed.when * deed.length_s)
                kiosk.freeze()
                time.sleep(0.5)
                kiosk.thaw()
                kiosk.wait_until_pressed()
            case "stop and start":
                kiosk.press(deed.presses)
                kiosk.wait_until_pressed()
                kiosk.stop()
                kiosk.start()
            case _:
                kiosk.press(deed.presses)
                kiosk.wait_until_pressed()

    def _close_the_books(self) -> StormReport:
        world = self._world
        try:
            if world.kiosk.running:
                world.kiosk.stop()
            world.witness.catch_up()
        except (KioskError, AssertionError, subprocess.TimeoutExpired) as error:
            self._troubles.append(f"at the end: {error}")
            world.witness.poll()
        overruns = sum(network.overruns for network in world.networks)
        if overruns:
            self._troubles.append(f"{overruns} messages beyond the broker's Receive Maximum")
        return StormReport(
            verdict=judge(world.kiosk.presses(), world.witness.arrivals),
            weathers=self._weathers,
            kills=world.kiosk.kills,
            starts=world.kiosk.lives,
            slow_stops=world.kiosk.slow_stops,
            overruns=overruns,
            troubles=self._troubles,
        )


def _in_words(deeds: Sequence[Deed]) -> str:
    presses = sum(len(deed.presses) for deed in deeds)
    kills = sum(deed.what in _KILLS for deed in deeds)
    return f"{presses} presses, {kills} kills"
