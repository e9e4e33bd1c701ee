"""`python -m tests.campaigns.enrolment`: enrolment and renewal are cut off at any moment, while buttons are pressed."""

import argparse
import io
import itertools
import json
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.core.errors import EdgeAgentError
from tests.campaigns import measured
from tests.campaigns.bench import machine
from tests.campaigns.chaos import namespaces
from tests.campaigns.enrolment.kiosk import COMMAND_S, CUTS, RUNS, Kiosk, Presses
from tests.support.agent_process import REPOSITORY
from tests.support.province import RunningProvince
from tests.support.subscriber import Subscriber
from tests.support.wait import wait_for

PLACE = "enrolment cuts"
KEPT = REPOSITORY / "build" / "enrolment-cuts.log"
_PATIENCE_S = 30.0
_EARLY = 0.2
"""So many cuts come before the run has written anything: all that it takes to load Python."""
_LATEST = 0.95
"""Of the time that a whole run takes."""
_EXAMPLE = """\
Examples:
  make enrolment-cuts
  make enrolment-cuts ENROL="--seed 1234"       the plan of a run that printed this seed
  make enrolment-cuts ENROL="--cuts 200"

Exit codes: 0 all came back and no press was lost or doubled, 1 something went wrong.
"""


@dataclass
class Cut:
    """One, and what came of it."""

    what: str
    """`enrol` or `renew`"""
    kind: str
    is_early: bool
    """Before the run has written anything."""
    moment: float
    """Of the time that a whole run takes until it writes, or from then on."""
    reached: str = ""
    back_s: float = 0.0
    """Until its credentials worked, with the technician's or the timer's next run."""
    certain: int = 0
    uncertain: int = 0
    fault: str = ""


class Centre:
    """What the command centre of the province hears."""

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber

    def heard(self, name: str) -> Counter[str]:
        """Presses of a device, by button. Raises AssertionError when one message has two contents, but for the mark of
        a late second delivery."""
        counts: dict[str, tuple[str, int]] = {}
        contents: dict[str, dict[str, Any]] = {}
        prefix = f"edge/v1/{name}/up/alarm/"
        for each in self._subscriber.heard:
            if not each.topic.startswith(prefix):
                continue
            envelope = json.loads(each.payload)
            assert envelope["source"] == f"/edge/{name}", f"{each.topic} is from {envelope['source']}"
            data = {key: value for key, value in envelope["data"].items() if key != "historical"}
            assert contents.setdefault(envelope["id"], data) == data, f"two are {envelope['id']}"
            known = counts.get(data["alarm_id"], ("", 0))[1]
            counts[data["alarm_id"]] = (data["input"], max(known, data["press_count"]))
        total: Counter[str] = Counter()
        for button, count in counts.values():
            total[button] += count
        return total


class Play:
    """The devices of one run, one after the other. Main thread."""

    def __init__(self, province: RunningProvince, directory: Path, centre: Centre, chance: random.Random) -> None:
        self._province = province
        self._directory = directory
        self._centre = centre
        self._chance = chance
        self._has_disks = namespaces.DISK in namespaces.found()
        self._takes_s: dict[tuple[str, bool], float] = {}
        self.kinds = CUTS if self._has_disks else CUTS[:-1]
        """What can be played on this machine."""

    def run(self, count: int) -> Iterator[Cut]:
        """Cut so often; each cut is yielded when it is judged. A run that ends before its cut is no cut."""
        left = [self.kinds[number % len(self.kinds)] for number in range(count)]
        self._chance.shuffle(left)
        with self._new_kiosk() as (_, kiosk):
            for what in RUNS:
                began_s = time.monotonic()
                with kiosk.pressed(self._chance), kiosk.begin(what) as process:
                    kiosk.wait_until_written(process)
                    written_s = time.monotonic()
                    assert process.wait(COMMAND_S) == 0
                self._takes_s[what, True] = written_s - began_s
                self._takes_s[what, False] = time.monotonic() - written_s
        while left:
            with self._new_kiosk() as (name, kiosk):
                for what in RUNS[: len(left)]:
                    is_early = self._chance.random() < _EARLY
                    cut = Cut(what, left[-1], is_early, self._chance.uniform(0, _LATEST))
                    if self._play(cut, name, kiosk):
                        left.pop()
                        yield cut
                    if cut.fault:
                        break

    @contextmanager
    def _new_kiosk(self) -> Iterator[tuple[str, Kiosk]]:
        board = self._province.new_board()
        place = self._directory / board.name.rpartition("/")[2]
        with ExitStack() as stack:
            if self._has_disks:
                stack.enter_context(namespaces.SmallDisk(place / "disk"))
            kiosk = Kiosk(place / "disk", place / "memory", self._province.claim(board).text())
            stack.enter_context(kiosk)
            yield board.name, kiosk

    def _play(self, cut: Cut, name: str, kiosk: Kiosk) -> bool:
        """Cut one run off, have it run again, and judge; false when it had ended before."""
        made = kiosk.presses.copy()
        try:
            kiosk.press_each()
            with kiosk.pressed(self._chance):
                was_cut = self._strike(cut, kiosk)
                began_s = time.monotonic()
                kiosk.run(cut.what)
                # Enrolment says that the agent must start anew; after a renewal a start is when the new one is used.
                kiosk.send(signal.SIGTERM if cut.what == "enrol" else signal.SIGKILL)
                kiosk.start()
            kiosk.press_each()
            assert kiosk.is_let_in(), "no broker lets it in"
            cut.back_s = time.monotonic() - began_s
            self._judge(kiosk.presses, name)
        except (AssertionError, OSError, EdgeAgentError, subprocess.SubprocessError) as error:
            cut.fault = str(error)
            kiosk.keep_log(KEPT)
            return True
        cut.certain = kiosk.presses.certain.total() - made.certain.total()
        cut.uncertain = kiosk.presses.uncertain.total() - made.uncertain.total()
        return was_cut

    def _strike(self, cut: Cut, kiosk: Kiosk) -> bool:
        before = kiosk.in_use()
        process = kiosk.begin(cut.what)
        try:
            if not cut.is_early:
                kiosk.wait_until_written(process)
            with suppress(subprocess.TimeoutExpired):
                process.wait(cut.moment * self._takes_s[cut.what, cut.is_early])
                return False
            cut.reached = kiosk.reached(cut.what, before)
            match cut.kind:
                case "disk full":
                    with kiosk.full_disk():
                        code = process.wait(COMMAND_S)
                    assert code in {0, 1}, f"on a full disk it ended with code {code}"
                case "command":
                    process.kill()
                case "agent":
                    kiosk.kill()
                    kiosk.start()
                    process.wait(COMMAND_S)
                case _:
                    process.kill()
                    kiosk.kill()
                    kiosk.start()
        finally:
            process.kill()
            process.communicate()
        return True

    def _judge(self, presses: Presses, name: str) -> None:
        """Every press is heard, none twice. Raises AssertionError."""

        def all_heard() -> bool:
            return not presses.certain - self._centre.heard(name)

        with suppress(AssertionError):
            wait_for(all_heard, _PATIENCE_S)
        heard = self._centre.heard(name)
        most = presses.certain + presses.uncertain
        assert all_heard(), f"lost: {dict(presses.certain - heard)}"
        assert not heard - most, f"heard, and never made: {dict(heard - most)}"


def main(argv: Sequence[str] | None = None) -> int:
    """Play, print and write; 0 when all came back, with every press."""
    args = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every process that was started is ended
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 130, highlight=False)
    console.print(f"seed {args.seed}")
    began_s = time.monotonic()
    cuts: list[Cut] = []
    with (
        redirect_stdout(io.StringIO()),  # what the province's parts print for a test that fails
        tempfile.TemporaryDirectory(prefix="edge-agent-enrolment-") as directory,
        RunningProvince(Path(directory) / "provinces", "kzn") as province,
        Subscriber(province.broker.centre_port, ["edge/v1/kzn/+/+/up/alarm/#"], files=province.centre) as subscriber,
    ):
        play = Play(province, Path(directory), Centre(subscriber), random.Random(args.seed))
        for kind in set(CUTS) - set(play.kinds):
            console.print(f"NOT PLAYED: {kind}, as this machine does not let us have {namespaces.DISK}")
        for cut in play.run(args.cuts):
            cuts.append(cut)
            said = cut.fault or f"back after {cut.back_s:.1f} s, {cut.certain} presses"
            console.print(
                f"{time.monotonic() - began_s:4.0f} s  cut {len(cuts)} of {args.cuts}, {cut.what}, {cut.kind}, "
                f"{cut.moment:.0%} {'before' if cut.is_early else 'after'} the first write ({cut.reached}): {said}",
                markup=False,
            )
    head, *rows = _rows(cuts)
    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    missed = [cut for cut in cuts if cut.fault]
    record = {"seed": args.seed, "seconds": round(time.monotonic() - began_s), "cuts": [asdict(each) for each in cuts]}
    measured.write_record(args.json, record)
    console.print(
        f"{len(cuts) - len(missed)} of {len(cuts)} came back with an identity that works; "
        f"{sum(each.certain for each in cuts)} presses, "
        + ("each heard once" if not missed else f"and {len(missed)} cuts with a fault: the log is kept in {KEPT}")
    )
    if args.measured and not missed:
        measured.put(PLACE, _markdown(cuts, args.seed, time.monotonic() - began_s))
        console.print(f"The table is in {measured.PAGE.relative_to(REPOSITORY)}.")
    return 1 if missed else 0


def _rows(cuts: Sequence[Cut]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("run", "cut off", "cuts", "came back", "presses", "made or not", "it had come to")]
    for what, kind in itertools.product(RUNS, CUTS):
        of = [each for each in cuts if (each.what, each.kind) == (what, kind)]
        presses = (sum(each.certain for each in of), sum(each.uncertain for each in of))
        counts = (len(of), sum(not each.fault for each in of), *presses)
        reached = Counter(each.reached for each in of)
        stages = ", ".join(f"{stage} {count}" for stage, count in reached.most_common())
        rows.append((what, kind, *map(str, counts), stages))
    return rows


def _markdown(cuts: Sequence[Cut], seed: int, seconds: float) -> str:
    head, *rows = _rows(cuts)
    lines = "".join(f"| {' | '.join(row)} |\n" for row in (head, ("---",) * len(head), *rows))
    return f"{lines}\n(Seed {seed}; {measured.machine_line(machine.describe(), seconds=seconds)[1:]}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaigns.enrolment",
        description="Cut enrolments and renewals off at any moment while buttons are pressed, with a real registrar "
        "and broker of a province of the kit; then see whether each kiosk has an identity that works, and whether the "
        "centre has heard every press once.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31), help="of a plan that was printed")
    parser.add_argument("--cuts", type=int, default=50, metavar="N", help="how many (default 50)")
    parser.add_argument("--measured", action="store_true", help="put the table into docs/measured.md")
    parser.add_argument(
        "--json", type=Path, default=REPOSITORY / "build/enrolment-cuts.json", help="default: build/enrolment-cuts.json"
    )
    return parser


if __name__ == "__main__":
    namespaces.enter("tests.campaigns.enrolment", sys.argv[1:])
    sys.exit(main())
