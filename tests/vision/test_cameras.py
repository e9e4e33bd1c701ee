from pathlib import Path

import cv2
import pytest

from agent.core.errors import CameraError
from agent.vision.cameras import make_camera
from tests.support.vision_media import write_video
from tests.support.vision_process import vision_spec
from tests.support.vision_stand_ins import boottime_ns


def test_a_folder_of_pictures_serves_as_a_camera(tmp_path: Path) -> None:
    write_video(tmp_path / "v.avi", 1, 10)
    capture = cv2.VideoCapture(str(tmp_path / "v.avi"), cv2.CAP_FFMPEG)
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "1.png"), capture.read()[1])
    capture.release()
    camera = make_camera(vision_spec(tmp_path, source=f"file:{folder}", simulate=False), boottime_ns)
    camera.open()

    assert camera.read(5).pixels.shape == (48, 64, 3)
    camera.close()


def test_a_source_without_a_file_is_not_the_folder_that_the_process_runs_in(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="use file:PATH"):
        make_camera(vision_spec(tmp_path, source="file:?loop=1", simulate=False), boottime_ns)


def test_without_picamera2_the_error_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "picamera2", None)

    with pytest.raises(CameraError, match="--no-install-recommends python3-picamera2"):
        make_camera(vision_spec(tmp_path, simulate=False), boottime_ns)
