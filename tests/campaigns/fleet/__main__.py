"""`python -m tests.campaigns.fleet`: thousands of devices and a real broker, in storms in which buttons are pressed."""

import argparse
import json
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.campaigns import measured
from tests.campaigns.bench import machine
from tests.campaigns.brokers.cluster import is_installed
from tests.campaigns.fleet import bare, report
from tests.campaigns.fleet.device import Plan
from tests.campaigns.fleet.fleet import Fleet, FleetError, open_many_files
from tests.campaigns.fleet.listener import Post
from tests.campaigns.fleet.report import Run
from tests.campaigns.fleet.stages import STAGES, Play, stages_for
from tests.campaigns.fleet.targets import Meter, MosquittoTarget, RabbitTarget, Target
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE

PAGE = Path(__file__).parents[3] / "docs" / "scale.md"
PICTURE = PAGE.with_suffix(".svg")
_BARE_S, _SAID_S = 3.0, 5.0
_WINDOW_S, _LONGEST_WINDOW_S = 30.0, 120.0
_SUBURBS = (
    *("alexandra", "daveyton", "diepsloot", "kagiso", "katlehong"),
    *("mamelodi", "soshanguve", "soweto", "tembisa", "vosloorus"),
)
_SITES = ("clinic", "library", "market", "school", "station")
_ROOM = Path("/dev/shm")
"""Where the devices' disks are: each device has its own, so one real disk must not be shared by all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play all runs and print them; 0 when every target was met, 1 when not, 2 for what can't be played, 130 when that
    was interrupted."""
    args = _parsed(arguments)
    runs = [run for path in args.add for run in json.loads(path.read_text())["runs"]]
    try:
        for devices in args.n:
            run = play(args, devices).as_json()
            runs = sorted([*runs, run], key=lambda each: int(each["devices"]))
            print(report.markdown([run]))
            if args.json is not None:  # each as soon as it is there: the next one may fail
                about = {"machine": machine.describe(), "runs": runs}
                args.json.write_text(json.dumps(about, indent=1) + "\n")
    except FleetError as error:
        print(f"NOT PLAYED: {error}")
        return 2
    except KeyboardInterrupt:
        print("interrupted: nothing was written, and everything that ran has ended")
        return 130
    if args.write:
        singles = [run for run in runs if run["broker"] == MosquittoTarget.name]
        if len(singles) > 1:
            report.plot(PICTURE, singles)
        line = measured.machine_line(machine.describe())
        measured.put("fleet", f"{report.markdown(runs)}\n{line}", PAGE)
    return int(any(run["faults"] for run in runs))


def play(args: argparse.Namespace, devices: int) -> Run:
    """Play all stages with so many devices. Raises FleetError."""
    began_s = said_s = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began_s:5.0f} s  {what}", flush=True)

    def progress(fleet: Fleet) -> None:
        nonlocal said_s
        if time.monotonic() - said_s > _SAID_S:
            said_s = time.monotonic()
            centre = "listens" if fleet.listens else "is away"
            say(f"  {fleet.connected:,} connected, {fleet.waiting:,} messages wait, the centre {centre}")

    if args.broker == "rabbitmq" and not is_installed():
        raise FleetError("there is no RabbitMQ here: `make rabbitmq` installs Debian's")
    open_many_files()
    with ExitStack() as stack:
        room = _ROOM if os.access(_ROOM, os.W_OK) else None
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-fleet-", dir=room)))
        authorities = BrokerAuthorities.create(directory / "authorities")
        target: Target
        if args.broker == "mosquitto":
            target = stack.enter_context(MosquittoTarget(directory / "broker", authorities))
        else:
            target = stack.enter_context(RabbitTarget(directory / "broker", authorities))
        meter = stack.enter_context(Meter(target))
        bares = [f"gp/bare/client-{number}" for number in range(bare.CLIENTS)]
        baseline = bare.measure(target.urls[0], [(each, authorities.device(each)) for each in bares], meter, _BARE_S)
        say(
            f"{target.name} runs; bare clients: {baseline.handshakes_a_second:.0f} handshakes and "
            f"{baseline.publishes_a_second:.0f} publishes a second"
        )
        window_s = args.window or _window_s(devices, baseline)
        plans = [_plan(number, devices, directory, target, authorities, window_s, args) for number in range(devices)]
        post = Post(target.centre_urls, authorities.centre(CENTRE), CENTRE)
        fleet = stack.enter_context(Fleet(plans, post, progress))
        say(f"{devices:,} devices, with a window of {window_s:g} s, and a centre")
        run = Run(devices, target.name, window_s, baseline)
        stage_of = Play(fleet, target, meter, spread_s=window_s, health_s=args.health, presses=args.presses)
        for name in [each for each in stages_for(target) if each in args.stages]:
            say(f"{name} begins")
            stage = stage_of.play(name)
            run.stages.append(stage)
            run.presses = [*fleet.presses.values()]
            p99 = run.figures(name)["p99"]
            back = "" if stage.back_s is None else f", 99 % back after {stage.back_s:.1f} s"
            say(f"{name}: {stage.seconds:.0f} s, p99 {'-' if p99 is None else f'{p99:.1f} ms'}{back}")
        run.numbered, run.lost = fleet.lost(30.0)
        run.counts = fleet.counts
        return run


def _window_s(devices: int, baseline: bare.Baseline) -> float:
    """The window that the broker's measured capacity allows; at least the one that the agent has by itself."""
    least_s = 2 * devices / baseline.handshakes_a_second
    return min(_LONGEST_WINDOW_S, max(_WINDOW_S, 10 * math.ceil(least_s / 10)))


def _plan(
    number: int,
    devices: int,
    directory: Path,
    target: Target,
    authorities: BrokerAuthorities,
    window_s: float,
    args: argparse.Namespace,
) -> Plan:
    suburb, site = _SUBURBS[number * len(_SUBURBS) // devices], _SITES[number % len(_SITES)]
    user = f"gp/{suburb}-{site}/kiosk-{number:05}"
    first = number % len(target.urls)
    urls = (*target.urls[first:], *target.urls[:first])
    files = authorities.device(user)
    return Plan(number, user, directory / "devices" / str(number), urls, files, window_s, args.health, CENTRE)


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaigns.fleet",
        description=__doc__,
        epilog="Example: make fleet N=100,1000 FLEET='--json fleet.json'",
    )
    numbers: Callable[[str], list[int]] = lambda text: [int(each) for each in text.split(",")]  # noqa: E731
    parser.add_argument("-n", type=numbers, metavar="N[,N...]", help="how many devices (1000, or none with --add)")
    parser.add_argument("--broker", choices=["mosquitto", "rabbitmq"], default="mosquitto")
    parser.add_argument("--stages", type=lambda text: text.split(","), default=[*STAGES], help=",".join(STAGES))
    parser.add_argument(
        "--window", type=float, metavar="S", help="[mqtt] reconnect_spread_s (30, or what the broker's capacity needs)"
    )
    parser.add_argument("--health", type=float, default=75.0, metavar="S", help="[health] interval_s (75)")
    parser.add_argument("--presses", type=int, default=20, help="presses in the middle of each stage (20)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--add", type=Path, nargs="+", default=[], metavar="FILE", help="and runs that --json has written"
    )
    parser.add_argument("--write", action="store_true", help="write tables and picture into docs/scale.md")
    args = parser.parse_args(arguments)
    args.n = args.n or ([] if args.add else [1000])
    if unknown := set(args.stages) - set(STAGES):
        parser.error(f"there is no stage {', '.join(sorted(unknown))}")
    if "connect" not in args.stages:
        parser.error("the stages need connect: without it no device does")
    if not all(0 < each <= 20_000 for each in args.n):
        parser.error("a fleet has 1 to 20,000 devices: the centre's library knows no more")
    return args


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # and end what was started
    sys.exit(main())
