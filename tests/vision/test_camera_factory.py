from pathlib import Path

import pytest

from agent.core.errors import CameraError
from agent.vision.camera_factory import make_camera
from tests.support.vision_process import vision_spec
from tests.support.vision_stand_ins import boottime_ns


def test_a_source_without_a_file_is_not_the_folder_that_the_process_runs_in(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="use file:PATH"):
        make_camera(vision_spec(tmp_path, source="file:?loop=1", simulate=False), boottime_ns)


def test_without_picamera2_the_error_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "picamera2", None)

    with pytest.raises(CameraError, match="--no-install-recommends python3-picamera2"):
        make_camera(vision_spec(tmp_path, simulate=False), boottime_ns)
