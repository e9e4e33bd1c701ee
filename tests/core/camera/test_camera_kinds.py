import pytest

from agent.core.camera.camera_kinds import kind_of


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("picamera2:1", "picamera2"),
        ("v4l2:/dev/video0", "v4l2"),
        ("rtsp://u:p@host:554/x?y=1", "stream"),
        ("rtsps://host/x", "stream"),
        ("file:/a/b.avi", "file"),
        ("file:/a/b.avi?loop=1", "file"),
    ],
)
def test_a_source_names_a_kind_of_camera(source: str, name: str) -> None:
    assert kind_of(source).name == name


@pytest.mark.parametrize("source", ["", "picamera2:", "picamera2:x", "v4l2:video0", "file:", "http://u:secret@h/x"])
def test_another_source_is_refused_without_repeating_it(source: str) -> None:
    with pytest.raises(ValueError) as caught:
        kind_of(source)
    assert "secret" not in str(caught.value)
