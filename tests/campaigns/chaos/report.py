"""The outcome of the storm, for a person on the screen."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.campaigns.bench.distribution import Distribution
from tests.campaigns.chaos.ledger import Verdict
from tests.campaigns.chaos.notebook import Press
from tests.campaigns.chaos.storm import StormReport


def show_storm(console: Console, report: StormReport) -> None:
    """The weathers, then the books."""
    table = Table(title="What was done to it", title_justify="left")
    table.add_column("weather")
    for heading in ("rounds", "presses", "kill -9", "lost", "edge to centre, median", "worst"):
        table.add_column(heading, justify="right")
    for name, weather in report.weathers.items():
        times = times_of(weather.presses, report.verdict)
        table.add_row(
            name,
            str(weather.rounds),
            str(sum(press.certain for press in weather.presses)),
            str(weather.kills),
            _zero(weather.lost),
            _ms(times.median) if times else "",
            _ms(times.percentile(100)) if times else "",
        )
    console.print(table)
    verdict = report.verdict
    books = Table(title="The books", title_justify="left", show_header=False)
    books.add_column("")
    books.add_column("", justify="right")
    light = Distribution(verdict.handled_ms or [0.0])
    for row in (
        ("starts of the agent", str(report.starts)),
        ("ended by kill -9", str(report.kills)),
        ("did not end when asked, and had to be killed", str(report.slow_stops)),
        ("presses made", str(verdict.made)),
        ("cut off in the middle by a kill (made or not)", str(verdict.uncertain)),
        ("presses that reached the centre", str(verdict.told)),
        ("LOST", _zero(verdict.lost)),
        ("told, but never made", _zero(verdict.invented)),
        ("pressed, and no yellow light", _zero(verdict.dark)),
        ("edge until it is lit, kept and sent, median and worst", f"{_ms(light.median)}, {_ms(light.percentile(100))}"),
        ("alarms", str(verdict.alarms)),
        ("different messages", str(verdict.messages)),
        ("delivered again with the same id (allowed)", str(verdict.copies)),
        ("DUPLICATED: one id, two contents", _zero(len(verdict.changed_ids))),
        ("DUPLICATED: one seq, two messages", _zero(len(verdict.shared_numbers))),
        ("OUT OF ORDER: count or stage falls as seq rises", _zero(len(verdict.backward))),
        ("numbers missing", str(len(verdict.missing))),
        ("  of these without a reason", _zero(verdict.unexplained)),
        ("  (health reports that QoS 0 may lose)", str(verdict.may_miss)),
        ("messages beyond Receive Maximum", _zero(report.overruns)),
        *((f"worst edge to {stage}, as told", _ms(took)) for stage, took in verdict.stages_ms.items()),
    ):
        books.add_row(*row)
    console.print(books)
    for fault in report.faults:
        console.print(f"  {fault}", style="red", highlight=False)


def storm_as_dict(report: StormReport) -> dict[str, Any]:
    """For the record."""
    verdict = report.verdict
    return {
        "starts": report.starts,
        "kills": report.kills,
        "slow_stops": report.slow_stops,
        **verdict.as_dict(),
        "presses_uncertain": verdict.uncertain,
        "missing_without_reason": verdict.unexplained,
        "receive_maximum_overruns": report.overruns,
        "edge_handled_ms": _summary(Distribution(verdict.handled_ms or [0.0])),
        "worst_stage_ms": verdict.stages_ms,
        "weathers": {
            name: {
                "rounds": weather.rounds,
                "presses": sum(press.certain for press in weather.presses),
                "kills": weather.kills,
                "lost": weather.lost,
                "edge_to_centre_ms": _summary(times_of(weather.presses, verdict)),
            }
            for name, weather in report.weathers.items()
        },
        "faults": report.faults,
    }


def times_of(presses: Sequence[Press], verdict: Verdict) -> Distribution | None:
    """From edge to centre, for those of the presses where it is known."""
    known = [verdict.to_centre_ms[press] for press in presses if press in verdict.to_centre_ms]
    return Distribution(known) if known else None


def _summary(samples: Distribution | None) -> dict[str, float] | None:
    return samples.as_dict() if samples else None


def _zero(count: int) -> str:
    return f"[green]{count}[/]" if count == 0 else f"[red]{count}[/]"


def _ms(value: float) -> str:
    return f"{value / 1000:.1f} s" if value >= 10_000 else f"{value:.3g} ms" if value < 1000 else f"{value:.0f} ms"
