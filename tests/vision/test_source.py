import pytest

from agent.core.errors import CameraError
from agent.vision.source import Source, parse_source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("picamera2:1", Source("picamera2", "1")),
        ("v4l2:/dev/video0", Source("v4l2", "/dev/video0")),
        ("rtsp://u:p@host:554/x?y=1", Source("stream", "rtsp://u:p@host:554/x?y=1")),
        ("rtsps://host/x", Source("stream", "rtsps://host/x")),
        ("file:/a/b.avi", Source("file", "/a/b.avi")),
        ("file:/a/b.avi?loop=1", Source("file", "/a/b.avi", loop=True)),
    ],
)
def test_a_source_is_taken_apart(text: str, source: Source) -> None:
    assert parse_source(text) == source


@pytest.mark.parametrize("text", ["", "picamera2:", "picamera2:x", "v4l2:video0", "file:", "http://u:secret@h/x"])
def test_another_source_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(CameraError, match="use picamera2:N") as caught:
        parse_source(text)
    assert "secret" not in str(caught.value)
