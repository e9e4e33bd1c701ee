"""The week as a picture: what was done to the kiosk above, and what became of it below, on one line of time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.campaigns.week.books import Outcome, Sample
from tests.campaigns.week.schedule import DAY, HOUR, Schedule

_WIDTH, _LEFT, _RIGHT, _TOP = 1200, 140, 24, 92
_LANES = {
    "mains": ("mains out", "#c98a00"),
    "network": ("no network", "#b3302a"),
    "first broker": ("first broker down", "#d96f32"),
    "refusal": ("brokers refuse alarms", "#8e4585"),
    "silence": ("brokers do not answer", "#6a5aa8"),
    "centre": ("nobody at the centre", "#34708f"),
    "disk": ("disk full", "#444444"),
    "lying": ("clock wrong, unaware", "#7a7a3a"),
    "unset": ("clock not set", "#a8a87a"),
    "power cut": ("power cut", "#000000"),
    "restart": ("restart or kill -9", "#1f7a4d"),
}
_LANE = 15
_PANEL, _GAP = 104, 34
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MIB = 1024 * 1024


def draw(schedule: Schedule, outcome: Outcome, record: Mapping[str, Any]) -> str:
    """An SVG document."""
    samples = outcome.samples
    bottom = _TOP + len(_LANES) * _LANE + 4 * (_PANEL + _GAP) + 30

    def x(at_s: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * at_s / schedule.length_s

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom}" font-family="sans-serif">',
        f'<rect width="{_WIDTH}" height="{bottom}" fill="#fdfcf9"/>',
        _text(_LEFT, 32, "A week of a kiosk, in fast time", size=20, weight="bold"),
        _text(
            _LEFT,
            54,
            f"{record['presses_made']:,} presses made, {record['presses_told']:,} told, {record['lost']} lost. "
            f"{record['alarms']} alarms, {record['messages']:,} messages, {record['missing_seqs']} numbers missing, "
            f"{record['explained_seqs']} of them accounted for.",
            fill="#444",
        ),
    ]
    for day in range(int(schedule.length_s // DAY) + 1):
        at = x(day * DAY)
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP - 18}" y2="{bottom - 26}" stroke="#ddd8cc"/>')
        if day * DAY < schedule.length_s:
            parts.append(_text(at + 4, _TOP - 8, _DAYS[day % 7], fill="#777"))
    for number, (kind, (name, colour)) in enumerate(_LANES.items()):
        y = _TOP + number * _LANE
        parts.append(_text(_LEFT - 8, y + 10, name, anchor="end", size=9, fill="#555"))
        for span in outcome.spans:
            if span.kind == kind:
                wide = max(2.0, x(span.end_s) - x(span.begin_s))
                parts.append(_box(x(span.begin_s), y + 2, wide, _LANE - 4, colour))
    y = _TOP + len(_LANES) * _LANE + _GAP
    parts += _bars(samples, x, y, schedule)
    panels: tuple[tuple[str, str, tuple[tuple[str, str, Callable[[Sample], float]], ...]], ...] = (
        ("messages waiting", "", (("", "#b3302a", lambda s: s.waiting),)),
        (
            "files, MiB",
            "MiB",
            (
                ("alarms.db", "#34708f", lambda s: s.alarms_bytes / _MIB),
                ("telemetry.db", "#1f7a4d", lambda s: s.telemetry_bytes / _MIB),
                ("write-ahead logs (bounded, 4 MiB each)", "#c98a00", lambda s: s.logs_bytes / _MIB),
            ),
        ),
        (
            "memory, MiB",
            "MiB",
            (("resident, with broker and centre in the same process", "#6a5aa8", lambda s: s.resident_bytes / _MIB),),
        ),
    )
    for title, _, lines in panels:
        y += _PANEL + _GAP
        parts += _panel(title, lines, samples, x, y)
    return "\n".join([*parts, "</svg>", ""])


def _bars(samples: Sequence[Sample], x: Callable[[float], float], top: float, schedule: Schedule) -> list[str]:
    """Presses an hour, on a scale of square roots, or the hour of rain would hide all others."""
    counts: dict[int, int] = {}
    before = 0
    for sample in samples:
        hour = int((sample.at_s - 1) // HOUR)
        counts[hour] = counts.get(hour, 0) + sample.presses - before
        before = sample.presses
    highest = max(counts.values(), default=1) or 1
    parts = [_text(_LEFT, top - 8, f"presses an hour (square root; the hour of rain: {highest:,})", weight="bold")]
    for hour, count in counts.items():
        high = _PANEL * (count / highest) ** 0.5
        wide = x(HOUR) - x(0) - 0.5
        parts.append(_box(x(hour * HOUR), top + _PANEL - high, wide, high, "#1f4e79"))
    return [*parts, _axis(top)]


def _panel(
    title: str,
    lines: Sequence[tuple[str, str, Callable[[Sample], float]]],
    samples: Sequence[Sample],
    x: Callable[[float], float],
    top: float,
) -> list[str]:
    highest = max(max(value(sample) for sample in samples) for _, _, value in lines) or 1
    parts = [_text(_LEFT, top - 8, title, weight="bold"), _axis(top)]
    parts.append(_text(_LEFT - 8, top + 10, f"{highest:,.1f}".removesuffix(".0"), anchor="end", fill="#777"))
    parts.append(_text(_LEFT - 8, top + _PANEL, "0", anchor="end", fill="#777"))
    at = _LEFT + 170
    for name, colour, value in lines:
        points = " ".join(f"{x(s.at_s):.1f},{top + _PANEL * (1 - value(s) / highest):.1f}" for s in samples)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        parts.append(_text(at, top - 8, name, fill=colour))
        at += 140
    return parts


def _box(x: float, y: float, wide: float, high: float, fill: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" fill="{fill}"/>'


def _axis(top: float) -> str:
    y = top + _PANEL
    return f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#999"/>'


def _text(
    x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", fill: str = "#222", weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}" '
        f'font-weight="{weight}">{text}</text>'
    )
