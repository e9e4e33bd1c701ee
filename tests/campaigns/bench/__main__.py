"""`python -m tests.campaigns.bench`: every figure in one run, each beside a baseline that was measured in it."""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agent.adapters.child_process import NICENESS
from agent.core.camera.settings import DEFAULT_MODEL
from agent.models.store import ModelStore
from agent.trust.evidence_keys import EvidenceKey
from edge_centre.key_files import make_key
from tests.campaigns import measured
from tests.campaigns.bench import bare_programs, looking, memory, new_alarms, report, startup, window
from tests.campaigns.bench.child import ROOT, Child
from tests.campaigns.bench.figures import Figure, of_medians, of_percentiles
from tests.campaigns.bench.latency import Bench, Pacing
from tests.campaigns.bench.new_alarms import ClosingCentre
from tests.campaigns.bench.program import Program, parser
from tests.campaigns.bench.quiet_broker import QuietBroker
from tests.campaigns.bench.simulated_agent import BASE, READY_S, SOURCE, SimulatedAgent
from tests.campaigns.bench.video import at_rate
from tests.support.certificates import Authority
from tests.support.vision_media import demo_video, model_directories

LATENCY_GOALS = {50: 1.5, 99: 1.7}
SPEED_GOAL = 0.9
MEMORY_GOAL = 1.25
START_GOAL = 1.5
RECORDING_GOAL = 1.3
_BARE_PUBLISH = "a bare paho publish of the same size and pace"
_BARE_KIOSK = "a bare program on the same libraries, connected"
_LEAST = "bare gpiozero, paho and pydantic-settings, connected"
_LOOKING_S = 40.0
_EXAMPLE = """\
Example:
  python -m tests.campaigns.bench
  python -m tests.campaigns.bench --quick --json /tmp/bench.json
  make bench BENCH=--recording
"""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    presses: Pacing
    alarms: int
    look_blocks: int
    look_s: float
    rounds: int
    starts: int


FULL = Effort(Pacing(blocks=6, presses=100), alarms=100, look_blocks=14, look_s=0.7, rounds=5, starts=7)
QUICK = Effort(Pacing(blocks=1, presses=20, warm_up=5), alarms=3, look_blocks=1, look_s=0.5, rounds=1, starts=1)


class Run:
    """One run of the bench: `figures` grows as it goes on."""

    def __init__(self, directory: Path, effort: Effort, say: Callable[[str], None]) -> None:
        self._directory = directory
        self._effort = effort
        self._say = say
        self._video = demo_video()
        self._keys = directory / "keys" / "keys.json"
        self.figures: list[Figure] = []

    def all(self) -> None:
        """Measure everything."""
        with QuietBroker(self._directory / "broker") as broker:
            with Bench(broker.port) as bench:
                self._presses(bench, broker.port)
                self._presses_beside_vision(bench, broker.port)
                self._presses_beside_recording(bench, broker.port)
                self._core_memory(bench, broker.port)
            self._window(broker.port)
            self._start_up(broker.port)
        with ExitStack() as stack:
            model = ModelStore([Path(entry) for entry in model_directories()]).load(DEFAULT_MODEL).path
            program = str(ROOT / "tests" / "campaigns" / "bench" / "bare_look.py")
            places = json.dumps(looking.places(self._video))
            command = (program, str(self._video), str(model), str(looking.THREADS), str(NICENESS), places)
            bare = stack.enter_context(Child(*command, what="the bare look"))
            self._vision_memory(bare)
            self._looking(bare)

    def recording(self) -> None:
        """Measure a press beside recording alone."""
        with QuietBroker(self._directory / "broker") as broker, Bench(broker.port) as bench:
            self._presses_beside_recording(bench, broker.port)

    def _presses(self, bench: Bench, port: int) -> None:
        key = make_key("operator", self._directory / "keys")
        directory = self._directory / "agent"
        with SimulatedAgent(directory, port, keys=self._keys) as agent:
            bench.wait_for(f"{BASE}/up/state", READY_S, lambda data: data["state"] == "online")
            self._say("new alarms, each closed again by the centre")
            with ClosingCentre(port, key) as centre:
                alarms = new_alarms.measure(bench, agent, centre, self._effort.alarms, self._effort.presses)
            ours, bare = bench.alternate(agent, self._effort.presses, self._step("press to subscriber"))
        self.figures += of_percentiles("press", "press to subscriber", _BARE_PUBLISH, ours, bare, goals=LATENCY_GOALS)
        self.figures += of_percentiles("new_alarm", "new alarm to subscriber", _BARE_PUBLISH, alarms.arrival, bare)
        self.figures += of_percentiles("edge_to_light", "edge to yellow, at most", "", alarms.lit, None)

    def _presses_beside_vision(self, bench: Bench, port: int) -> None:
        fast = at_rate(self._video, looking.FASTEST, self._directory / "fastest.avi")
        with SimulatedAgent(self._directory / "with-vision", port, video=fast) as agent:
            self._say("waiting until the camera process looks")
            bench.wait_for(
                f"{BASE}/up/health",
                _LOOKING_S,
                _looks,
            )
            ours, bare = bench.alternate(agent, self._effort.presses, self._step("press beside vision"))
        against = f"{_BARE_PUBLISH}, next to the same vision"
        self.figures += of_percentiles("press_beside_vision", "press while vision never rests", against, ours, bare)

    def _presses_beside_recording(self, bench: Bench, port: int) -> None:
        """While the clip of the first press is written; beside the same kiosk, of which nothing is recorded."""
        if find_spec("av") is None:
            self._say("press beside recording: left out, as there is no PyAV (pip install av)")
            return
        authority = Authority(self._directory / "authority")
        files = authority.client(SOURCE.removeprefix("/edge/"))
        own = {"cert_file": str(files.cert), "key_file": str(files.key)}
        recipient = f'\n[evidence]\nrecipient = "{EvidenceKey.generate("evidence-1").public()}"\nkeep_free_bytes = 0\n'
        found = []
        for name, more in (("not-recorded", ""), ("recorded", recipient)):
            agent = SimulatedAgent(self._directory / name, port, video=self._video, slow=True, mqtt=own, more=more)
            with agent:
                self._say(f"waiting until the camera process looks ({name})")
                bench.wait_for(f"{BASE}/up/health", _LOOKING_S, _is_ready if more else _looks)
                ours, _ = bench.alternate(agent, self._effort.presses, self._step(f"press, {name}"))
            found.append(ours)
        alone, beside = found
        against = "the same kiosk, not recorded"
        self.figures += of_percentiles(
            "press_beside_recording",
            "press while a clip is written",
            against,
            beside,
            alone,
            goals=dict.fromkeys((50, 99), RECORDING_GOAL),
        )

    def _window(self, port: int) -> None:
        self._say("what a press survives, and after how long; yellow beside a disk that hangs")
        found = window.measure(self._directory / "window", port, self._effort.alarms)
        self.figures += of_percentiles("edge_to_box", "edge to black box (outlives a kill)", "", found.boxed, None)
        self.figures += of_percentiles("edge_to_disk", "edge to synced (outlives a power cut)", "", found.safe, None)
        self.figures += of_percentiles(
            "box_beside_hanging_disk", "black box, disk hangs", "", found.boxed_beside_hanging_disk, None
        )
        self.figures += of_percentiles(
            "light_beside_hanging_disk", "yellow, disk hangs", "", found.lit_beside_hanging_disk, None
        )

    def _core_memory(self, bench: Bench, port: int) -> None:
        self._say("memory of the core")
        ours = memory.of_core(self._directory, port, self._keys, bench)
        bare = memory.of_bare(bare_programs.kiosk(self._directory / "memory-bare", port))
        least = memory.of_bare(bare_programs.least(self._directory / "memory-least", port))
        self._memory("core", "core, one button", ours, bare, _BARE_KIOSK, MEMORY_GOAL)
        self._memory("core_beside_least", "core, beside less", ours, least, _LEAST, None)

    def _start_up(self, port: int) -> None:
        starts = startup.measure(self._directory, port, self._keys, self._effort.starts, self._step("start-up"))
        self.figures += [
            of_medians(
                "start_to_ready", "start to READY, median", "s", _BARE_KIOSK, starts.ours, starts.kiosk, goal=START_GOAL
            ),
            of_medians("start_beside_least", "start, beside less", "s", _LEAST, starts.ours, starts.least),
        ]

    def _vision_memory(self, bare: Child) -> None:
        self._say("memory of the camera process")
        ours = memory.of_vision(self._directory, self._video)
        against = "bare OpenCV and interpreter, same video and model"
        self._memory("vision", "camera process", ours, memory.of_bare_vision(self._video, bare), against, None)

    def _looking(self, bare: Child) -> None:
        effort = self._effort
        ours, alone = looking.loop_alone(self._video, effort.look_blocks, effort.look_s, self._step("look loop"))
        self.figures.append(
            of_medians(
                "look_loop_fps",
                "look loop, frames at hand",
                "/s",
                "a bare loop, same regions: scale, to RGB, infer",
                ours,
                alone,
                goal=SPEED_GOAL,
                more_is_better=True,
            )
        )
        ours, whole = looking.whole_process(
            self._directory, self._video, bare, effort.rounds, self._step("decode and look")
        )
        self.figures.append(
            of_medians(
                "camera_process_inferences",
                "camera process, decoding a video",
                " inferences/s",
                "a bare program, as many frames and regions a look, as nice: decode, scale, to RGB, infer",
                ours,
                whole,
                goal=SPEED_GOAL,
                more_is_better=True,
            )
        )

    def _memory(
        self, name: str, title: str, ours: memory.Memory, bare: memory.Memory, against: str, goal: float | None
    ) -> None:
        for kind in ("rss", "pss"):
            values = getattr(ours, kind), getattr(bare, kind)
            self.figures.append(
                Figure(f"{name}_{kind}", f"{title}, {kind.upper()}", "MiB", *values, against=against, goal=goal)
            )

    def _step(self, name: str) -> Callable[[str], None]:
        return lambda text: self._say(f"{name}: {text}")


def _looks(data: dict[str, Any]) -> bool:
    """Whether the camera process works, by the health."""
    return any(camera.get("frames_per_second", 0) > 0 for camera in data["cameras"].values())


def _is_ready(data: dict[str, Any]) -> bool:
    """Whether some seconds are in the recorder's memory, too."""
    return _looks(data) and any(camera["recording"].get("before_s", 0) >= 5 for camera in data["cameras"].values())


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table and write the record; 0 when every figure was measured."""
    taken = parser(
        "tests.campaigns.bench",
        "Measure latency, start-up, memory and frames a second beside bare baselines, in one run.",
        _EXAMPLE,
        record="build/bench.json",
        quick="few measurements: shows that it works, not how fast it is",
    )
    taken.add_argument("--recording", action="store_true", help="a press beside recording alone (two minutes)")
    args = taken.parse_args(argv)
    if args.recording and args.write:
        taken.error("--write needs all figures")
    bench = Program(args)
    with bench.directory() as directory:
        run = Run(directory, QUICK if args.quick else FULL, bench.say)
        run.recording() if args.recording else run.all()
    bench.report(report.as_table(run.figures), figures={figure.name: figure.as_dict() for figure in run.figures})
    bench.console.print(f"Percentiles and machine: {args.json}", highlight=False)
    if args.write:
        measured.put(report.PLACE, report.markdown(bench.machine, run.figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
