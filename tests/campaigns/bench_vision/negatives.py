"""The clips that show nobody, by kind. Each picture was looked at: nobody is in it, but for posters and statues."""

from functools import cache

from tests.campaigns.bench_vision.variants import compression, headlights, infrared, night25, rain
from tests.support.near_scene import enlarged
from tests.support.negative_scenes import (
    BLUE,
    DARK,
    GREEN,
    RED,
    SILVER,
    WHITE,
    YELLOW,
    Layer,
    Negative,
    board,
    bottle,
    by_night,
    car,
    clouds,
    comes,
    crosses,
    cut,
    fence,
    flag,
    front,
    insects,
    picture,
    shadow,
    shown,
    stands,
    wheelie_bin,
)

_MOVING = {
    "animals": "baboon.jpg butterfly.jpg chicky_512.png puppy.jpg 000.jpg squirrel_cls.jpg",
    "things": "fruits.jpg plant.jpg aloeL.jpg rubberwhale1.png box_in_scene.png stuff.jpg",
    "vehicles by day": "licenseplate_motion.jpg",
    "statues": "clahe_2.jpg fusion_mertens.jpg",
    "posters": "graf1.png graf3.png",
    "streets": "leuvenA.jpg leuvenB.jpg home.jpg building.jpg scenetext05.jpg",
}
"""Pictures that fill the view."""
Clip = tuple[str, *tuple[Layer, ...]]
"""The scene, and what comes before it."""


@cache
def clips() -> tuple[Negative, ...]:
    """All of them, which takes some seconds. Raises AssertionError where pictures are missing."""
    moving = [Negative(kind, name, f"moving {name}") for kind, names in _MOVING.items() for name in names.split()]
    made: dict[str, dict[str, Clip]] = {
        "animals": _animals(),
        "things": _things(),
        "vehicles by day": _by_day(),
        "vehicles by night": _by_night(),
        "shadows": _shadows(),
        "statues": _statues(),
        "posters": _posters(),
        "flags": _flags(),
        "bins": _bins(),
        "rain": {
            "street": ("street", rain),
            "square": ("leuvenA.jpg", rain),
            "night": ("building.jpg", rain, infrared),
        },
        "insects": {place: (place, infrared, insects) for place in ("street", "leuvenB.jpg", "building.jpg")},
        "streets": {"fixed": ("street",)},
        "trees": {"in the wind": ("tree",)},
    }
    more = [
        Negative(kind, name, scene, layers) for kind, each in made.items() for name, (scene, *layers) in each.items()
    ]
    return tuple(sorted(more + moving, key=lambda clip: list(made).index(clip.kind)))


def _animals() -> dict[str, Clip]:
    squirrel = cut("squirrel_cls.jpg", (95, 50, 190, 270))
    puppy = cut("puppy.jpg", (60, 10, 350, 620))
    return {
        "squirrel": ("leuvenA.jpg", shown(squirrel, crosses(0.9, 0.3, hop=0.05))),
        "squirrel at night": ("street", shown(squirrel, crosses(0.8, 0.2, 7, hop=0.08)), infrared),
        "puppy": ("street", shown(puppy, crosses(0.95, 0.45, 20, hop=0.02))),
        "puppy at night": ("leuvenB.jpg", shown(puppy, crosses(0.95, 0.3, hop=0.02)), infrared),
    }


def _things() -> dict[str, Clip]:
    belt = [
        shown(bottle(colour), crosses(0.9, 0.4, 16, 3.0 * at)) for at, colour in enumerate((GREEN, BLUE, DARK, RED))
    ]
    return {"belt": ("left.jpg", *belt), "bottle": ("left.jpg", shown(bottle(DARK), crosses(1.05, 0.9, 20)))}


def _by_day() -> dict[str, Clip]:
    row = [shown(car(colour), crosses(0.75, 0.18, 6, 2.0 * at)) for at, colour in enumerate((RED, SILVER, BLUE))]
    parked = (shown(car(SILVER), stands(0.3, 0.95, 0.25)), shown(front(RED), stands(0.75, 0.95, 0.3)))
    return {
        "row": ("street", *row),
        "near": ("building.jpg", shown(car(DARK), crosses(1.0, 0.5, 7))),
        "comes": ("leuvenB.jpg", shown(front(BLUE), comes())),
        "parked": ("leuvenA.jpg", *parked, clouds),
    }


def _by_night() -> dict[str, Clip]:
    two = (shown(front(RED), crosses(0.8, 0.2, 5)), shown(front(DARK), crosses(0.6, 0.12, 9)))
    return {
        "comes": ("leuvenA.jpg", shown(front(DARK), comes()), by_night),
        "comes, infrared": ("leuvenB.jpg", shown(front(SILVER), comes(5)), infrared),
        "two": ("street", *two, by_night),
        "lamps sweep a street": ("street", headlights),
        "lamps sweep a wall": ("building.jpg", headlights),
    }


def _shadows() -> dict[str, Clip]:
    return {
        "somebody": ("leuvenA.jpg", shadow(2, 7, 0.95, 0.5)),
        "several": ("street", shadow(0, 8, 0.8, -0.6), shadow(4, 11, 0.95, 0.4), shadow(5, 6, 0.7, 0.2)),
        "wall": ("building.jpg", shadow(3, 9, 0.85, 0.0)),
        "clouds": ("street", clouds),
        "clouds over a house": ("home.jpg", clouds),
    }


def _statues() -> dict[str, Clip]:
    robot = cut("ml.png")
    return {
        "head of stone": ("clahe_2.jpg",),
        "robot": ("building.jpg", shown(robot, stands(0.4, 0.95, 0.6))),
        "robot far away": ("leuvenA.jpg", shown(robot, stands(0.6, 0.9, 0.3)), clouds),
    }


def _posters() -> dict[str, Clip]:
    paper = shown(board(WHITE), stands(0.5, 0.95, 0.7))
    return {
        "footballer": ("building.jpg", shown(picture("messi5.jpg"), stands(0.5, 0.9, 0.45))),
        "drawn girl": ("leuvenA.jpg", shown(picture("input.png"), stands(0.15, 0.7, 0.35))),
        "passer-by": ("leuvenB.jpg", paper, shown(enlarged(2, 300), stands(0.5, 0.92, 0.6)), clouds),
    }


def _flags() -> dict[str, Clip]:
    return {
        "three": (
            "building.jpg",
            flag(RED, WHITE, BLUE, x=0.1, top=0.15, tall=0.2),
            flag(GREEN, YELLOW, DARK, x=0.4, top=0.1, tall=0.25),
            flag(BLUE, x=0.7, top=0.2, tall=0.15),
        ),
        "near": ("home.jpg", flag(RED, YELLOW, GREEN, x=0.3, top=0.2, tall=0.4)),
        "far": ("street", flag(RED, WHITE, x=0.5, top=0.3, tall=0.1), flag(BLUE, WHITE, x=0.2, top=0.4, tall=0.08)),
    }


def _bins() -> dict[str, Clip]:
    left, right = (shown(wheelie_bin(DARK), stands(x, 0.9, 0.3)) for x in (0.3, 0.6))
    return {
        "one": ("leuvenA.jpg", fence, shown(wheelie_bin(GREEN), stands(0.4, 0.95, 0.45)), compression),
        "two": ("leuvenB.jpg", fence, left, right, compression),
        "night": ("leuvenB.jpg", fence, shown(wheelie_bin(DARK), stands(0.5, 0.95, 0.5)), infrared),
        "dim": ("street", fence, shown(wheelie_bin(RED), stands(0.35, 0.8, 0.2)), night25, compression),
    }
