"""What devices send without end takes no memory without end."""

import tracemalloc
from random import Random

import pytest

from tests.support.made_up import World, envelope

pytestmark = pytest.mark.grading

_ENOUGH = 5000
"""After two of these every limit of one device is reached."""


def flood(world: World, random: Random, begin: int) -> None:
    """Alarms that are raised, closed or forgotten, scattered numbers, epochs, garbage and pictures."""
    for seq in range(begin, begin + _ENOUGH):
        epoch = f"e{seq // 400}"
        match seq % 8:
            case 0 | 1:
                world.alarm(seq, f"a{random.randrange(10**6)}", epoch=epoch, record=seq * 3, recorddone=seq)
            case 2 | 3:
                stage = "closed" if random.random() < 0.9 else "raised"
                world.alarm(seq, f"a{random.randrange(10**6)}", epoch=epoch, stage=stage)
            case 4:
                world.open(seq, epoch=epoch)
            case 5:
                world.hear("alarm/police", random.randbytes(200))
            case 6:
                world.hear(f"snapshot/p{seq}", b"\xff\xd8\xff")
            case _:
                world.hear(f"event/x{seq}", envelope("event.unknown.v1", {"text": "x" * 500}, seq, epoch=epoch))
                world.wait(0.5)
        world.all.clear()


def test_the_memory_of_a_flood_is_flat() -> None:
    tracemalloc.start()
    try:
        world, random = World(), Random(1)
        for part in range(3):
            before, _ = tracemalloc.get_traced_memory()
            flood(world, random, 1 + part * _ENOUGH)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after < before * 1.1, f"{before} bytes, then {after}"
