"""People cut out of the PETS video and placed as a kiosk's camera sees them: one to four, at 0.5 to 3 m, also cut by
an edge of the picture.

The lens is a kiosk's: upright it shows 1.55 m at 1 m, so that somebody of 1.7 m fills 1.1 of the picture there.
"""

from collections.abc import Sequence

from tests.campaigns.bench_vision.row import Row
from tests.campaigns.bench_vision.stage import DEFAULT_BUDGET, RATE, Stage
from tests.campaigns.bench_vision.view import LATEST_S, LEAST_RIGHT, MOST_NOBODY, View, view_of
from tests.campaigns.bench_vision.watched import Watched, watch
from tests.support.near_scene import NearScene, Standing, Way, stock_still, sways, trembles

SIZES = ((640, 480), (1280, 720), (480, 640))
_FILLS_AT_1_M = 1.1
_HEADROOM = 0.08
_FLOOR = 0.97


def _at(metres: float, who: int, x: float = 0.5, *, way: Way, headless: bool = False) -> Standing:
    """Somebody at this distance: whole if the picture holds them, else cut by its lower edge, or by its upper one."""
    height = _FILLS_AT_1_M / metres
    foot = 0.8 * height if headless else max(_FLOOR, _HEADROOM + height)
    return Standing(who, x, height, min(foot, _FLOOR) if headless else foot, way)


def _swaying(who: int) -> Way:
    return sways(4.0, every_s=3.0 + 0.7 * who)


_STILL = sways(0.7)
"""As still as somebody alive stands."""
KINDS: dict[str, tuple[Standing, ...]] = {
    "one, 3 m, whole, still": (_at(3, 0, way=_STILL),),
    "one, 2 m, whole, swaying": (_at(2, 1, 0.4, way=_swaying(1)),),
    "one, 1.4 m, whole, still": (_at(1.4, 2, way=_STILL),),
    "one, 1 m, cut below, still": (_at(1, 3, way=_STILL),),
    "one, 1 m, cut below, swaying": (_at(1, 4, 0.45, way=_swaying(4)),),
    "one, 0.7 m, cut below, still": (_at(0.7, 5, way=_STILL),),
    "one, 0.5 m, head and shoulders, swaying": (_at(0.5, 0, way=_swaying(0)),),
    "one, 1.4 m, cut left, still": (_at(1.4, 1, 0.04, way=_STILL),),
    "one, 1.4 m, cut right, swaying": (_at(1.4, 3, 0.96, way=_swaying(3)),),
    "one, 1 m, cut above, no head, still": (_at(1, 2, headless=True, way=_STILL),),
    "two, 2 m, whole, still": (_at(2, 1, 0.33, way=_STILL), _at(2, 2, 0.65, way=trembles())),
    "two, 1 m, cut below, swaying": (_at(1, 0, 0.27, way=_swaying(0)), _at(1, 5, 0.73, way=_swaying(5))),
    "two, 3 m and 0.7 m, swaying": (_at(3, 4, 0.2, way=_swaying(4)), _at(0.7, 1, 0.65, way=_swaying(1))),
    "three, 2 m, whole, still": tuple(_at(2, who, x, way=_STILL) for who, x in ((1, 0.22), (2, 0.5), (5, 0.78))),
    "three, 1.2 m, cut left and right, swaying": tuple(
        _at(1.2, who, x, way=_swaying(who)) for who, x in ((3, 0.05), (0, 0.5), (4, 0.95))
    ),
    "four, 2.5 m, whole, swaying": tuple(
        _at(2.5, who, x, way=_swaying(who)) for who, x in ((0, 0.15), (1, 0.38), (4, 0.62), (5, 0.85))
    ),
    "four, 3 m and 1.4 m, still": tuple(
        _at(metres, who, x, way=_STILL)
        for metres, who, x in ((3, 2, 0.38), (3, 3, 0.62), (1.4, 0, 0.14), (1.4, 5, 0.86))
    ),
}
"""Whoever stands farther away comes first: the next one may hide them."""
_POSTERS = ((Standing(0),), tuple(Standing(who, x, way=stock_still) for who, x in ((1, 0.25), (2, 0.5), (3, 0.75))))


def row(stage: Stage) -> Row:
    """All kinds, each in one of the sizes, and posters in all of them."""
    views = []
    for number, (name, people) in enumerate(KINDS.items()):
        stage.say("people cut out and placed large", number + 1, len(KINDS))
        size = SIZES[number % len(SIZES)]
        watched = _watched(stage, people, size)
        views.append(view_of(f"{name}, {size[0]}x{size[1]}", watched, [len(people)] * len(watched.persons)))
    posters = [(size, people) for size in SIZES for people in _POSTERS]
    told = 0
    for number, (size, people) in enumerate(posters, start=1):
        stage.say("posters", number, len(posters))
        told += len(_watched(stage, people, size).entered)
    return row_of(views, told)


def row_of(views: Sequence[View], posters_told: int) -> Row:
    """The worst of the views, and how many posters were told as people."""
    soon = sum(view.soon for view in views)
    nobody, right = max(view.nobody for view in views), sum(view.right for view in views) / len(views)
    return Row(
        "near_cut_outs",
        "people cut out and placed large: announced in time; frames with nobody; number right; posters announced",
        f"all in {LATEST_S:.0f} s; ≤ {MOST_NOBODY:.0%} each; ≥ {LEAST_RIGHT:.0%} of frames; 0",
        f"{soon} of {len(views)}; ≤ {nobody:.1%}; {right:.1%}; {posters_told}",
        soon == len(views) and nobody <= MOST_NOBODY and right >= LEAST_RIGHT and not posters_told,
        {"views": [view.as_dict() for view in views], "posters": posters_told},
    )


def _watched(stage: Stage, people: Sequence[Standing], size: tuple[int, int]) -> Watched:
    scene = NearScene(people, size)
    frames = stage.effort.near
    replay = stage.replay(inferences_per_second=DEFAULT_BUDGET)
    return watch(replay, (scene.at(number / RATE) for number in range(frames)), lambda _done: None)
