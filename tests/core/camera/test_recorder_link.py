"""The lines between the core and a recorder."""

import json
from typing import Any

import pytest

from agent.core.camera.recorder_link import (
    BeginClip,
    ChainHead,
    FromRecorder,
    RecorderSpec,
    StartRecorder,
    StopRecorder,
    ToRecorder,
    decode_for_core,
    decode_for_recorder,
)
from agent.core.link_lines import LinkError, encode
from tests.support.recording import NOWHERE


def spec(**changes: Any) -> RecorderSpec:
    return RecorderSpec(**{"camera": "yard", "socket": "/run/yard.sock", "keeping": NOWHERE, **changes})


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({}, True),
        ({"masked": True}, False),
        ({"masked": True, "stream": "rtsp://camera/"}, False),
        ({"masked": True, "masked_by_camera": True}, False),  # pictures of the camera process show our masks
        ({"masked": True, "masked_by_camera": True, "stream": "rtsp://camera/"}, True),
        ({"stream": "rtsp://camera/"}, True),
    ],
)
def test_pictures_without_masks_are_for_cameras_that_have_none_or_cover_it_themselves(
    changes: dict[str, Any], may: bool
) -> None:
    assert spec(**changes).may_be_unmasked is may


@pytest.mark.parametrize(
    "message", [StartRecorder(spec=spec()), BeginClip(clip="c", seconds=1, facts={"alarm": "a"}), StopRecorder()]
)
def test_what_the_core_says_arrives_as_one_line(message: ToRecorder) -> None:
    assert encode(message).endswith(b"}\n")
    assert decode_for_recorder(encode(message)) == message


def test_what_a_recorder_says_arrives_as_one_line() -> None:
    message: FromRecorder = ChainHead(seq=1, digest="0" * 64)

    assert decode_for_core(encode(message)) == message


@pytest.mark.parametrize("decode", [decode_for_core, decode_for_recorder])
@pytest.mark.parametrize("line", [b"", b"nonsense", b'{"t": "nobody-knows-it"}', b'{"t": "stop", "more": 1}'])
def test_a_line_of_another_version_is_refused(decode: Any, line: bytes) -> None:
    with pytest.raises(LinkError, match="bad line on the recorder's link"):
        decode(line)


def test_half_a_character_is_no_text_of_a_recorder() -> None:
    with pytest.raises(LinkError):
        decode_for_core(rb'{"t": "failed", "clip": "c", "detail": "\ud800"}')


def test_a_password_in_a_bad_line_is_not_in_the_error() -> None:
    line = json.loads(encode(StartRecorder(spec=spec(stream="rtsp://user:geheim-9@camera/"))))
    line["spec"]["ring_s"] = "rtsp://user:geheim-9@camera/"
    with pytest.raises(LinkError) as caught:
        decode_for_recorder(json.dumps(line).encode())

    assert "geheim-9" not in str(caught.value)
    assert "spec.ring_s" in str(caught.value)


def test_less_than_ten_seconds_before_a_press_can_not_be_asked_for() -> None:
    with pytest.raises(ValueError, match="ring_s"):
        spec(ring_s=9.9)
