import numpy as np
import numpy.typing as npt
import pytest

from agent.adapters.opencv_imaging import mended, small_grey
from agent.vision.repair import EVERY_NS, Repair
from tests.support.pictures import blurred, checks, dimmed

Pixels = npt.NDArray[np.uint8]
START_NS = 1_000_000_000_000


def coloured(grey: Pixels) -> Pixels:
    return np.ascontiguousarray(np.repeat(grey[:, :, None], 3, axis=2))


def seen(repair: Repair, picture: Pixels, at_s: float = 0.0) -> Pixels:
    """What the repair makes of the picture, once it has seen it."""
    repair.see(small_grey(picture, 192, 144), picture, START_NS + round(at_s * 1e9))
    return repair.applied(picture)


def steepest(picture: Pixels) -> int:
    return int(np.abs(np.diff(picture.astype(int), axis=1)).max())


def test_by_day_the_picture_itself_goes_to_the_model() -> None:
    picture, repair = coloured(checks()), Repair(mended)

    assert seen(repair, picture) is picture
    assert repair.steepness is None


@pytest.mark.parametrize("share", [0.08, 0.25, 0.4])
def test_a_dark_picture_becomes_as_light_as_one_by_day(share: float) -> None:
    repaired = seen(Repair(mended), coloured(dimmed(checks(), share)))

    assert 95 < repaired.mean() < 125


def test_noise_in_the_dark_is_not_enlarged_with_the_light() -> None:
    day, night = coloured(checks()), coloured(dimmed(checks(), 0.2, noise=5))
    repaired = seen(Repair(mended), night).astype(float)

    gain = day.mean() / night.mean()
    assert (repaired[10:38, 10:38].std()) < 0.6 * gain * night[10:38, 10:38].std()


def test_a_small_region_of_a_blurred_picture_becomes_sharper() -> None:
    soft, repair = coloured(blurred(checks(), 2.0)), Repair(mended)
    seen(repair, soft)
    region = soft[100:300, 200:400]

    assert steepest(repair.applied(region)) > 1.5 * steepest(region)
    assert repair.applied(soft) is soft, "the model sees the whole picture scaled down, and so sharp enough"


def test_it_follows_the_light_within_two_seconds_and_not_with_each_frame() -> None:
    day, night = coloured(checks()), coloured(dimmed(checks(), 0.2))
    repair = Repair(mended)
    seen(repair, day)

    assert seen(repair, night, 1.9) is night
    assert seen(repair, night, EVERY_NS / 1e9) is not night
    assert seen(repair, day, 2 * EVERY_NS / 1e9) is day


def test_at_the_edge_of_dusk_it_does_not_change_its_mind_with_every_measurement() -> None:
    repair = Repair(mended)
    dusk = [coloured(dimmed(checks(), 62 / checks().mean() + wobble)) for wobble in (-0.05, 0.02, -0.02, 0.02)]
    lit = [seen(repair, picture, 2.0 * number) is picture for number, picture in enumerate(dusk)]

    assert not any(lit)


def test_in_the_dark_small_differences_count_as_motion_by_what_the_light_makes_of_them() -> None:
    repair = Repair(mended)
    night = dimmed(checks(), 0.25)
    repaired = seen(repair, coloured(night)).astype(int)

    assert repair.steepness is not None
    enlarged = np.ptp(repaired) / np.ptp(night.astype(int))
    assert repair.steepness[night].mean() == pytest.approx(enlarged, rel=0.2)


def test_a_clock_that_was_set_back_stops_nothing() -> None:
    repair, night = Repair(mended), coloured(dimmed(checks(), 0.2))
    seen(repair, coloured(checks()))

    assert seen(repair, night, -100.0) is not night
