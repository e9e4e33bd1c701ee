"""The real model on a real scene of which a part is masked."""

import cv2
import pytest

from agent.adapters.opencv_imaging import fill_polygon
from agent.core.polygon import Polygon
from agent.ports import Detection, Frame
from agent.vision.loaded_model import load_model
from agent.vision.privacy import PrivacyMask
from tests.support.vision_media import MODELS, demo_video, model_directories

CROSSING = Polygon([(0.0, 0.1), (0.55, 0.05), (0.65, 1.0), (0.0, 1.0)])
"""Where most people of the demo video walk."""
EVERY = 10


def stands_in_the_mask(found: Detection, width: int, height: int) -> bool:
    x = (found.left + found.width / 2) / width
    return any(CROSSING.contains((x, y / height)) for y in (found.top + found.height / 2, found.top + found.height))


@pytest.mark.parametrize("masked", [False, True])
def test_people_who_walk_through_a_masked_area_are_not_found_there(masked: bool) -> None:
    detector = load_model(MODELS[0], model_directories(), 1, 0.3).detector
    mask = PrivacyMask([CROSSING.points] if masked else [], fill_polygon)
    inside = outside = 0
    capture = cv2.VideoCapture(str(demo_video()), cv2.CAP_FFMPEG)
    number = 0
    while capture.grab():
        number += 1
        if number % EVERY:
            continue
        pixels = mask.cover(Frame(capture.retrieve()[1], 0, number)).pixels
        height, width = pixels.shape[:2]
        for found in detector.detect([pixels])[0]:
            if stands_in_the_mask(found, width, height):
                inside += 1
            else:
                outside += 1
    capture.release()

    assert outside > 100
    if masked:
        assert inside == 0
    else:
        assert inside > 100, "nobody walks there, so that the mask proves nothing"
