"""`make run`: the whole chain on this machine, for a person or by itself."""

import argparse
import os
import select
import signal
import sys
import termios
import time
import tty
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from agent.core.camera.settings import DEFAULT_MODEL
from agent.core.errors import EdgeAgentError
from agent.models.store import ModelStore, default_directories
from deploy.lab.demo_centre import DemoCentre, data_of
from deploy.lab.demo_office import AFTER_S, BEFORE_S, PROGRAM, RECORDS
from deploy.lab.demo_page import DemoPage
from deploy.lab.demo_screen import Screen
from deploy.lab.demo_stage import Stage
from deploy.lab.demo_story import Story
from deploy.lab.models.demo_video import ensure_demo_video
from edge_centre.adapters.browser import DemoBrowser, find_browser
from edge_centre.adapters.paho_centre import Heard

_EXAMPLE = """\
Example:
  make run               with a terminal: p and m press, a acknowledges, c closes the newest alarm, q quits
  make run < /dev/null   plays the story once; exit code 0 if every step was seen, else 1
"""
_KEYS = "p press police   m press medical   a acknowledge   c close   q quit"
_BETWEEN_PRESSES_S = 0.15
"""A finger lets go between two presses; faster keys would be one long press."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "demo",
        help="run the whole chain on this machine and show it",
        description="Start a broker on a free local port, the agent with simulated pins and real person detection "
        "on real CCTV video, and show what the command centre receives and what the kiosk's lights do. Serves the "
        "control room's page, and opens it where there is a display. Without a terminal it plays a story by itself, "
        "and at the page too where there is Chromium. Keeps the newest picture of an alarm and of an "
        "event, and the newest recording, and prints where they are.",
        epilog=_EXAMPLE,
    )
    parser.add_argument("--video", type=Path, help="a video for the camera; default: the demo video")
    parser.add_argument(
        "--patience", type=float, default=20.0, metavar="S", help="how long the story waits for a step (default 20)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo until `q`, or until the end of the story."""
    ModelStore(default_directories()).load(DEFAULT_MODEL)
    video = args.video.resolve() if args.video else ensure_demo_video()
    if not video.is_file():
        raise EdgeAgentError(f"{video}: no such video")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # One line stays one line, in a log file and on a screen: long lines run over the edge and are not folded.
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        "A kiosk with two buttons and a camera, its broker and a command centre, all on this machine.", style="bold"
    )
    console.print("  every alarm here is an exercise and says so: a simulated press sends nobody out")
    with Stage(video) as stage, DemoCentre(stage) as centre, DemoPage(stage) as page:
        console.print(f"  broker  Mosquitto on 127.0.0.1:{stage.port}")
        console.print(f"  agent   simulated pins, real detection of people in {video.name}; log: {stage.log}")
        console.print(f"  try     {PROGRAM} watch --config {stage.config}   (in another terminal)")
        if page.url is None:
            console.print("  page    not there: it needs Node, and `make control-room` says what is missing")
        else:
            console.print(f"  page    {page.url}")
            console.print(
                "          any name and password; the address contains an operator's key for this demo, and works once"
            )
        if RECORDS:
            console.print(
                f"  film    the camera is recorded from {BEFORE_S} s before a press until {AFTER_S} s after its close"
            )
        else:
            console.print("  film    nothing is recorded: that needs PyAV (pip install av)")
        stage.start_agent()
        screen = Screen(console, stage, _KEYS)
        if sys.stdin.isatty() and sys.stdout.isatty():
            page.show()
            return _with_keys(stage, centre, screen)
        story = Story(stage, centre, screen, args.patience)
        screen.say("No terminal: the story plays by itself.")
        complete = _played(story, page.url, screen, stage.directory / "browser", args.patience)
        return _told(story, screen, complete=complete)


def _played(story: Story, url: str | None, screen: Screen, directory: Path, patience_s: float) -> bool:
    """Play the whole story; if it can't use the page, print why. Return whether all was seen."""
    with ExitStack() as stack:
        browser = _browser(stack, url, screen, directory, patience_s)
        return (
            story.begin()
            and (browser is None or url is None or story.open_page(browser, url))
            and story.play()
            and (browser is None or story.play_at_page(browser))
            and (not RECORDS or story.play_in_office())
        )


def _browser(
    stack: ExitStack, url: str | None, screen: Screen, directory: Path, patience_s: float
) -> DemoBrowser | None:
    program = find_browser()
    if url is None or program is None:
        screen.say(f"Skipping the story at the page: there is no {'page' if url is None else 'Chromium'}.")
        return None
    try:
        return stack.enter_context(DemoBrowser(program, directory, patience_s))
    except EdgeAgentError as error:
        screen.say(f"Skipping the story at the page: {error}")
        return None


def _told(story: Story, screen: Screen, *, complete: bool) -> int:
    screen.say("What was seen:")
    for step in story.steps:
        seen = step.seen_after_s is not None
        after = f"after {step.seen_after_s:.2f} s" if seen else "NOT SEEN"
        screen.say(f"  {'ok' if seen else '--'}  {step.name:45} {after}", "green" if seen else "bold red")
    screen.say("Every step was seen." if complete else "The story stopped there; see the agent's log.")
    return 0 if complete else 1


def _with_keys(stage: Stage, centre: DemoCentre, screen: Screen) -> int:
    hand = _Hand(stage, screen)
    with _single_keys(), screen:
        while True:
            stage.check_agent()
            screen.lights()
            while (heard := centre.next(timeout_s=0.02)) is not None:
                screen.message(heard)
                _open_what_is_complete(stage, screen, heard)
            hand.press_what_is_due()
            if not select.select([sys.stdin], [], [], 0.05)[0]:
                continue
            match os.read(sys.stdin.fileno(), 1).decode(errors="replace"):
                case "p":
                    hand.will_press("police")
                case "m":
                    hand.will_press("medical")
                case "a":
                    screen.say(centre.answer("registered"))
                case "c":
                    screen.say(centre.answer("closed"))
                case "q" | "\x04" | "":
                    screen.say("Stopping the agent and the broker.")
                    return 0
                case _:
                    screen.say(f"Keys: {_KEYS}")


def _open_what_is_complete(stage: Stage, screen: Screen, heard: Heard) -> None:
    if (clip := stage.office.hear(heard.topic, data_of(heard))) is not None:
        for line in stage.office.open(clip):
            screen.say(line, "green")


class _Hand:
    """Presses buttons one after the other, no faster than a finger; at the end, says how often."""

    def __init__(self, stage: Stage, screen: Screen) -> None:
        self._stage = stage
        self._screen = screen
        self._waiting: deque[str] = deque()
        self._pressed: Counter[str] = Counter()
        self._free_s = 0.0

    def will_press(self, button: str) -> None:
        self._waiting.append(button)
        if button not in self._pressed:
            self._screen.say(f'You press "{button}".')
            self._pressed[button] = 0

    def press_what_is_due(self) -> None:
        now_s = time.monotonic()
        if now_s < self._free_s:
            return
        if self._waiting:
            button = self._waiting.popleft()
            self._stage.press(button)
            self._pressed[button] += 1
            self._free_s = time.monotonic() + _BETWEEN_PRESSES_S
            return
        for button, count in self._pressed.items():
            if count > 1:
                self._screen.say(
                    f'You pressed "{button}" {count} times; between two presses the demo lets go, as a finger does.'
                )
        self._pressed.clear()


@contextmanager
def _single_keys() -> Iterator[None]:
    """Read keys one by one and without echo; Ctrl-C still interrupts."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _interrupt(number: int, frame: object) -> None:  # noqa: ARG001 - the signature is Python's
    raise KeyboardInterrupt
