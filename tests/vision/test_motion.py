import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.vision.motion import CELL_PX, Cells, Grey, Motion

SECOND = 1_000_000_000
START_NS = 1000 * SECOND
ROWS, COLUMNS = 27, 48


def ground(light: float = 1.0, rows: int = ROWS, columns: int = COLUMNS) -> npt.NDArray[np.float64]:
    """A textured background, of so many cells."""
    chance = np.random.default_rng(5).uniform(80, 160, (rows, columns))
    return np.asarray(light * np.kron(chance, np.ones((CELL_PX, CELL_PX))), np.float64)


def grey(picture: npt.NDArray[np.float64]) -> Grey:
    return np.clip(picture, 0, 255).round().astype(np.uint8)


def with_box(row: int, column: int, level: float = 10.0, cells: int = 3) -> Grey:
    """The background, and something dark or light that fills so many cells across and down."""
    picture = ground()
    picture[row * CELL_PX : (row + cells) * CELL_PX, column * CELL_PX : (column + cells) * CELL_PX] = level
    return grey(picture)


def play(motion: Motion, pictures: list[Grey], per_s: float = 10, since_s: float = 0.0) -> list[Cells]:
    return [
        motion.update(picture, START_NS + round((since_s + number / per_s) * SECOND))
        for number, picture in enumerate(pictures)
    ]


@pytest.mark.parametrize("per_s", [1, 5, 10, 30])
def test_where_nothing_moves_no_cell_does(per_s: float) -> None:
    assert not any(cells.any() for cells in play(Motion(), [grey(ground())] * 60, per_s))


def test_noise_is_no_motion() -> None:
    chance = np.random.default_rng(1)
    noisy = [grey(ground() + chance.normal(0, 3, ground().shape)) for _ in range(100)]

    assert not any(cells.any() for cells in play(Motion(), noisy))


@given(st.integers(0, ROWS - 3), st.integers(0, COLUMNS - 3), st.sampled_from([0.0, 40.0, 200.0, 255.0]))
def test_what_is_new_moves_its_own_cells_and_no_others(row: int, column: int, level: float) -> None:
    cells = play(Motion(), [grey(ground()), with_box(row, column, level)])[-1]

    assert cells.shape == (ROWS, COLUMNS)
    assert cells[row : row + 3, column : column + 3].all()
    assert cells.sum() == 9


@given(st.integers(0, 12), st.integers(0, 34), st.sampled_from([5, 10, 25]))
def test_something_small_that_walks_moves_where_it_is_in_every_frame(row: int, column: int, per_s: int) -> None:
    walk = [with_box(row + step // 2, column + step // 3, cells=2) for step in range(24)]
    shown = play(Motion(), [grey(ground())] * 5 + walk, per_s)[5:]

    for step, cells in enumerate(shown):
        assert cells[row + step // 2, column + step // 3]


@pytest.mark.parametrize("per_s", [1, 2, 5, 10, 30])
@pytest.mark.parametrize("level", [0, 255])
def test_what_stops_is_still_within_two_seconds(per_s: float, level: float) -> None:
    arrived = play(Motion(), [grey(ground())] + [with_box(5, 5, level)] * round(4 * per_s), per_s)

    assert arrived[1].any()
    assert not any(cells.any() for number, cells in enumerate(arrived) if (number - 1) / per_s >= 2)


@pytest.mark.parametrize("change", [0.3, 0.6, 1.5, 3.0])
def test_a_sudden_change_of_light_is_no_motion_and_motion_is_seen_at_once_after_it(change: float) -> None:
    motion = Motion()
    shown = play(motion, [grey(ground())] * 10 + [grey(ground(change))] * 10)
    after = grey(ground(change))
    after[20:32, 40:52] = 0 if change > 0.5 else 255

    assert not any(cells.any() for cells in shown)
    moved = motion.update(after, START_NS + 2 * SECOND)
    assert moved[5:8, 10:13].all()
    assert moved.sum() == 9


def test_a_light_that_goes_slowly_is_no_motion() -> None:
    dusk = [grey(ground(1 - 0.8 * number / 300)) for number in range(300)]

    assert not any(cells.any() for cells in play(Motion(), dusk))


def test_a_person_in_front_of_a_light_that_goes_slowly_is_seen() -> None:
    dusk = []
    for number in range(100):
        picture = grey(ground(1 - 0.5 * number / 100))
        picture[40:52, number : number + 12] = 250
        dusk.append(picture)

    assert all(cells.any() for cells in play(Motion(), dusk)[3:])


@pytest.mark.parametrize("gap_s", [60, 3600, 400 * 86400])
def test_after_a_long_gap_what_differs_moves_once_and_the_background_has_followed(gap_s: int) -> None:
    motion = Motion()
    play(motion, [grey(ground())] * 3)

    assert motion.update(with_box(5, 5), START_NS + gap_s * SECOND).any()
    assert not motion.update(with_box(5, 5), START_NS + gap_s * SECOND + SECOND // 10).any()


def test_stamps_that_do_not_advance_or_step_back_leave_the_background() -> None:
    motion = Motion()
    motion.update(grey(ground()), START_NS)

    for stamp_ns in (START_NS, START_NS, START_NS - SECOND, START_NS - 2 * SECOND):
        assert motion.update(with_box(5, 5), stamp_ns).sum() == 9
    assert not motion.update(grey(ground()), START_NS).any()


def test_a_picture_of_another_size_is_a_new_background() -> None:
    motion = Motion()
    play(motion, [grey(ground())] * 3)

    assert not motion.update(grey(ground(0.2, 10, 20)), START_NS + SECOND).any()
    assert motion.update(grey(ground(0.2, 10, 20)), START_NS + 2 * SECOND).shape == (10, 20)
    assert not motion.update(grey(ground()), START_NS + 3 * SECOND).any()


@given(st.integers(4, 70), st.integers(4, 70), st.lists(st.integers(0, 255), min_size=2, max_size=6))
def test_pictures_of_any_size_give_whole_cells(height: int, width: int, levels: list[int]) -> None:
    motion = Motion()
    for number, level in enumerate(levels):
        picture = np.full((height, width), level, np.uint8)
        picture[: height // 2, : width // 3] = 255 - level
        cells = motion.update(picture, START_NS + number * SECOND // 10)

        assert cells.shape == (height // CELL_PX, width // CELL_PX)
        assert cells.dtype == bool


def test_what_it_gave_before_is_not_changed_by_the_next_frame() -> None:
    motion = Motion()
    motion.update(grey(ground()), START_NS)
    before = motion.update(with_box(5, 5), START_NS + SECOND // 10)
    kept = before.copy()
    motion.update(with_box(15, 25), START_NS + SECOND // 5)

    np.testing.assert_array_equal(before, kept)


def test_noise_of_any_strength_is_no_motion_once_it_is_known() -> None:
    chance = np.random.default_rng(1)
    noisy = [grey(ground() + chance.normal(0, 9, ground().shape)) for _ in range(200)]

    assert not any(cells.any() for cells in play(Motion(), noisy)[100:])


def test_in_the_dark_a_difference_counts_as_much_as_it_would_by_day() -> None:
    """A fifth of the light: somebody differs from the background by 8 levels, which a repair makes 40."""
    night = grey(ground(0.2))
    walker = night.copy()
    walker[20:32, 40:52] -= 8
    motion = Motion()
    motion.update(night, START_NS, np.full(256, 5, np.float32))

    assert motion.update(walker, START_NS + SECOND // 10, np.full(256, 5, np.float32))[5:8, 10:13].all()
    assert not play(Motion(), [night, walker])[-1].any()


def test_somebody_who_fills_most_of_the_picture_does_not_pass_for_noise() -> None:
    chance = np.random.default_rng(2)
    near = []
    for _ in range(100):
        picture = ground()
        picture[:60, :] = np.kron(chance.uniform(0, 255, (15, COLUMNS)), np.ones((CELL_PX, CELL_PX)))
        near.append(grey(picture))

    assert play(Motion(), near)[-1][:15].mean() > 0.8


def test_somebody_who_walks_is_seen_while_the_exposure_swings() -> None:
    shown = []
    for number in range(60):
        picture = ground()
        picture[40:60, 20 + 2 * number : 30 + 2 * number] = 10
        shown.append(grey(picture * (1 + 0.4 * np.sin(2 * np.pi * number / 20))))
    seen = [bool(cells[10:15].any()) and cells.mean() < 0.2 for cells in play(Motion(), shown)[10:]]

    assert np.mean(seen) > 0.7
