"""The H.264 that a Raspberry Pi's hardware makes of its own camera, through picamera2: it costs no processor."""

import logging
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

_HARDWARE = Path("/dev/video11")
"""The encoder of a Pi 3 or 4. A Pi 5 has none, and picamera2 would encode every picture on the processor."""
_log = logging.getLogger(__name__)
OnUnit = Callable[[bytes, int, bool, tuple[int, int]], None]
"""Gets an access unit (Annex B), its capture time, whether it is a key frame, and the size. Another thread."""


class Picamera2Encoder:
    """Encodes the main stream of a camera while it is open. A camera that it can't encode is open all the same."""

    def __init__(self, on_unit: OnUnit, bit_rate: int = 1_200_000, hardware: Path = _HARDWARE) -> None:
        self._on_unit = on_unit
        self._bit_rate = bit_rate
        self._hardware = hardware

    def start(self, library: ModuleType, camera: Any, frames_per_second: float) -> None:
        """Begin. Call it between the camera's configuration and its start; the camera's stop ends it."""
        if not self._hardware.exists():
            return
        try:
            # Parameter sets are repeated before each key frame; audio is off unless somebody switches it on.
            encoder = library.encoders.H264Encoder(
                bitrate=self._bit_rate, repeat=True, iperiod=max(round(frames_per_second), 1), profile="main"
            )
            size = tuple(camera.camera_configuration()["main"]["size"])

            # With the names of picamera2's own: some of its encoders call it by them.
            def output(
                frame: Any,
                keyframe: bool = True,
                timestamp: int | None = None,
                packet: object = None,  # noqa: ARG001
                audio: bool = False,
            ) -> None:
                begin_us = encoder.firsttimestamp
                if frame and not audio and timestamp is not None and begin_us is not None:
                    self._on_unit(bytes(frame), (begin_us + timestamp) * 1000, bool(keyframe), size)

            # In place of an output, whose methods have changed with picamera2's versions.
            encoder.outputframe = output
            camera.start_encoder(encoder, name="main")
        except (RuntimeError, ValueError, OSError, AttributeError) as error:
            _log.warning("the Pi's encoder can't be used (%s): pictures are encoded instead", error)
