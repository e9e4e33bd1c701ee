from pathlib import Path

import pytest

from tests.campaigns.bench_vision.effort import QUICK
from tests.campaigns.bench_vision.stage import Stage
from tests.support.vision_media import demo_frame, demo_video

pytestmark = pytest.mark.eyes


def test_a_sensor_is_measured_by_one_look_at_the_whole_of_each_picture(tmp_path: Path) -> None:
    stage = Stage(tmp_path, demo_video(), QUICK, lambda text, done, of: None, {"delegate": "imx500"})
    replay = stage.replay()
    pixels = demo_frame(300)
    seen = [replay.process(pixels.copy()).seen for _ in range(3)][-1]

    assert seen.people
    assert seen.regions == ((0, 0, pixels.shape[1], pixels.shape[0]),)
