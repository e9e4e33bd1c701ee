"""No sound is ever recorded: nothing in the agent could, and the service may open no device that does."""

import ast
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from agent.adapters.opencv_file_camera import OpenCvFileCamera
from tests.support.vision_stand_ins import boottime_ns

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "agent").rglob("*.py"))
SOUND_OF_PYTHON = {"aifc", "audioop", "chunk", "ossaudiodev", "sndhdr", "sunau", "wave", "winsound"}
SILENT = {
    *("agent", "cryptography", "gpiozero", "jwt", "lgpio", "numpy", "paho", "pydantic", "pydantic_core"),
    *(
        "pydantic_settings",
        "typing_extensions",
        "ai_edge_litert",
        "tflite_runtime",
    ),
    "av",  # sets up and reads the first video of a stream, and nothing else: tests/recorder/test_stream.py
    "cv2",  # could read sound of a container, through CAP_PROP_AUDIO_*, which nobody here says
    "hailo_platform",  # records none; from version 5 on it can transcribe what it is given, which nobody here does
    "picamera2",  # has audio in its encoders' FfmpegOutput, which nobody here uses
}
"""What the agent may import. Whoever adds a library asks first whether it can record sound, and what prevents that."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
            yield from (str(each.value).partition(".")[0] for each in node.args if isinstance(each, ast.Constant))


def test_no_library_is_imported_that_nobody_has_judged() -> None:
    found = {name for path in SOURCES for name in imports(path)}
    assert "cv2" in found, "the search finds imports no more"
    assert found & SOUND_OF_PYTHON == set()
    unknown = {name for name in found if name not in sys.stdlib_module_names} - SILENT
    assert unknown == set(), "can it record sound? judge it, then add it to SILENT"


def test_no_line_of_the_agent_asks_for_sound() -> None:
    asks = re.compile(
        r"CAP_PROP_AUDIO|AUDIO_STREAM|streams\.audio|AudioFrame|FfmpegOutput|PyavOutput|arecord|parec\b|/dev/snd|alsasrc|pulsesrc|pipewiresrc|"
        r"autoaudiosrc|microphone",
        re.IGNORECASE,
    )
    assert asks.search("cv2.CAP_PROP_AUDIO_STREAM")
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if asks.search(line)
    ]
    assert lines == []


def test_the_service_may_open_no_sound_device() -> None:
    unit = (ROOT / "deploy" / "systemd" / "edge-agent.service").read_text(encoding="utf-8")
    allowed = {line.split("=")[1].split()[0] for line in unit.splitlines() if line.startswith("DeviceAllow=")}
    groups = {name for line in re.findall(r"^SupplementaryGroups=(.*)$", unit, re.MULTILINE) for name in line.split()}
    assert re.search("^DevicePolicy=closed$", unit, re.MULTILINE)
    assert "char-video4linux" in allowed, "the search finds the devices no more"
    assert [device for device in allowed if re.search("alsa|snd|sound", device)] == []
    assert "audio" not in groups


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def listed(name: bytes, *chunks: bytes) -> bytes:
    return chunk(b"LIST", name + b"".join(chunks))


def film_with_sound(path: Path, frames: int, fps: int = 20) -> None:
    """An AVI of grey pictures, each a little lighter, and a tone of 8,000 bytes a second."""
    width, height, rate = 64, 48, 8000
    pictures = []
    for number in range(1, frames + 1):
        good, jpeg = cv2.imencode(".jpg", np.full((height, width, 3), number * 10, np.uint8))
        assert good
        pictures.append(bytes(jpeg))
    tone = bytes(128 + round(100 * np.sin(at / 3)) for at in range(rate // fps))
    main = struct.pack("<14I", 10**6 // fps, 0, 0, 0x110, frames, 0, 2, 10**6, width, height, 0, 0, 0, 0)
    seen = struct.pack("<4s4sIIIIIIIIIIII", b"vids", b"MJPG", 0, 0, 0, 1, fps, 0, frames, 10**5, 2**32 - 1, 0, 0, 0)
    shape = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", width * height * 3, 0, 0, 0, 0)
    length = rate * frames // fps
    heard = struct.pack("<4sIIIIIIIIIIIII", b"auds", 0, 0, 0, 0, 1, rate, 0, length, rate, 2**32 - 1, 1, 0, 0)
    sound = struct.pack("<HHIIHHH", 1, 1, rate, rate, 1, 8, 0)
    header = listed(
        b"hdrl",
        chunk(b"avih", main),
        listed(b"strl", chunk(b"strh", seen), chunk(b"strf", shape)),
        listed(b"strl", chunk(b"strh", heard), chunk(b"strf", sound)),
    )
    body = listed(b"movi", *(chunk(b"00dc", picture) + chunk(b"01wb", tone) for picture in pictures))
    path.write_bytes(chunk(b"RIFF", b"AVI " + header + body))


def test_of_a_file_with_sound_only_the_pictures_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "loud.avi"
    film_with_sound(path, frames=8)
    assert b"auds" in path.read_bytes()
    opened: list[tuple[Any, ...]] = []
    captures: list[Any] = []
    real = cv2.VideoCapture

    def watched(*arguments: Any) -> Any:
        opened.append(arguments)
        captures.append(real(*arguments))
        return captures[-1]

    monkeypatch.setattr(cv2, "VideoCapture", watched)
    camera = OpenCvFileCamera(path, boottime_ns)
    camera.open()
    frame = camera.read(5)

    assert round(float(frame.pixels.mean()) / 10) == frame.number
    assert opened == [(str(path), cv2.CAP_FFMPEG)], "OpenCV reads sound only for whoever asks for it here"
    assert [capture.get(cv2.CAP_PROP_AUDIO_STREAM) for capture in captures] == [-1]
    camera.close()
