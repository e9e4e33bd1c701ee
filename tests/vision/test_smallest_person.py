from agent.adapters.opencv_imaging import blobs, follow_points, small_grey
from agent.vision.sight import Sight
from tests.support.moving_scene import ColourDetector, MovingScene, is_seen, times, walks, watch

W, H = 640, 360


def test_who_is_lower_than_the_settings_say_is_neither_found_nor_followed() -> None:
    scene = MovingScene(W, H, [walks(40, 100, 30, (20, 0)), walks(40, 200, 60, (20, 0))])
    looker = Sight(
        ColourDetector(),
        small_grey,
        blobs,
        follow_points,
        score_threshold=0.5,
        inferences_per_second=10,
        smallest_person=0.1,
    )
    shown = watch(scene, looker, times(6))

    at_s, last = shown[-1]
    assert is_seen(scene, last, 2, at_s)
    assert len(last.people) == 1
    assert all(box.height >= 36 for _, seen in shown for box in seen.detections)
