"""Builds the rules of a camera from its spec."""

from collections.abc import Sequence
from datetime import tzinfo
from zoneinfo import ZoneInfo

from agent.core.analytics.lines import LineRules
from agent.core.analytics.rules import Rules
from agent.core.analytics.schedule import Hours, Schedule
from agent.core.analytics.zones import Limits, ZoneRules
from agent.core.camera.settings import DAYS, HoursSettings, ZoneSettings
from agent.core.camera.vision_spec import VisionSpec
from agent.core.errors import EdgeAgentError
from agent.core.polygon import Polygon


def rules_of(spec: VisionSpec) -> Rules:
    """Return fresh rules, with nobody in view. Raises EdgeAgentError for values that the settings don't allow."""
    try:
        zone = ZoneInfo(spec.time_zone)
        return Rules(
            Limits(
                enter_after_ns=_ns(spec.enter_after_s),
                leave_after_ns=_ns(spec.leave_after_s),
                cool_down_ns=_ns(spec.cool_down_s),
                update_every_ns=_ns(spec.update_every_s),
                min_travel=spec.min_travel,
            ),
            [_zone(each, zone) for each in spec.zones],
            [LineRules(each.name, each.start, each.end) for each in spec.lines],
            spec.converging_from,
        )
    except (KeyError, ValueError, OSError) as error:  # what ZoneInfo and Polygon raise
        raise EdgeAgentError(f"the rules of camera {spec.name}: {error}") from error


def _zone(spec: ZoneSettings, zone: tzinfo) -> ZoneRules:
    return ZoneRules(
        name=spec.name,
        area=Polygon(spec.polygon),
        loitering_after_ns=None if spec.loitering_after_s is None else _ns(spec.loitering_after_s),
        crowd_from=spec.crowd_from,
        crowd_after_ns=_ns(spec.crowd_after_s),
        open=_schedule(spec.open, zone),
        watched=_schedule(spec.watched, zone),
        person_down_after_ns=None if spec.person_down_after_s is None else _ns(spec.person_down_after_s),
        running_from=spec.running_from,
        running_after_ns=_ns(spec.running_after_s),
    )


def _schedule(hours: Sequence[HoursSettings], zone: tzinfo) -> Schedule | None:
    if not hours:
        return None
    return Schedule([Hours(frozenset(map(DAYS.index, each.days)), each.start, each.end) for each in hours], zone)


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
