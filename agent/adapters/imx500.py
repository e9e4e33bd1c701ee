"""The IMX500 of a Raspberry Pi AI Camera, a sensor that runs a network on its own pictures, through picamera2."""

import logging
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from agent.adapters.in_time import Aside
from agent.core.errors import CameraSilentError, DelegateError
from agent.ports import SensorResult

IMX500 = "imx500"
SUFFIX = ".rpk"
"""How the name of a model that is compiled for an IMX500 ends."""
UPLOAD_LIMIT_S = 600.0
"""The first upload of a network takes minutes; the camera then keeps it in a memory of its own."""
_TELL_EVERY_S = 10.0
_NETWORK_STAGE = 2
"""The upload's last stage, by picamera2's count: loader and firmware come before."""
_SETTLES = 8
"""So many frames after a change of what the network looks at, their results may still be of the former place."""
_ADVICE = "install imx500-all, start the computer again, and look for `imx500` in `rpicam-hello --list-cameras`"

log = logging.getLogger(__name__)


class Imx500:
    """One IMX500 that has been given its network. `device` is picamera2's IMX500. One thread."""

    def __init__(self, device: Any, index: int) -> None:
        self._device = device
        self._index = index
        self._crop: tuple[int, ...] = ()
        self._unsettled = 0
        self._trouble = ""

    def start(self, start: Callable[[], object]) -> None:
        """Call `start`, which starts the camera and returns once the network is on the sensor. Logs how far that is.

        Raises CameraSilentError, also when the upload does not end: the camera is there, and opening it again is not
        tried for ever.
        """
        self._crop = ()
        began_s = time.monotonic()
        upload = Aside(start, "imx500-upload")
        while not upload.wait(min(_TELL_EVERY_S, UPLOAD_LIMIT_S)):
            waited_s = time.monotonic() - began_s
            if waited_s >= UPLOAD_LIMIT_S:
                raise CameraSilentError(
                    f"camera {self._index} has not taken its network within {waited_s:.0f} s ({self._progress()}): "
                    "switch the computer off and on again, and see `dmesg | grep imx500`"
                )
            log.info("camera %d: uploading its network, %s after %.0f s", self._index, self._progress(), waited_s)
        try:
            upload.result()
        except Exception as error:  # picamera2 and libcamera raise errors of unrelated types
            raise CameraSilentError(
                f"camera {self._index} does not start with its network ({error}): {_ADVICE}"
            ) from error

    def result(self, metadata: Mapping[str, Any]) -> SensorResult | None:
        """Return what the network made of a picture, by the metadata of its request; None if it has no usable result.

        That is so for each frame that came before the network was ready with the former one.
        """
        crop = tuple(metadata.get("ScalerCrop", ()))
        if crop != self._crop:
            self._look_at(crop)
        self._unsettled = max(self._unsettled - 1, 0)
        try:
            outputs = self._device.get_outputs(metadata)
            if not outputs or self._unsettled:
                return None
            # A single number has no axis for the inference, as a TFLite model gives it.
            given = tuple(np.asarray(each, np.float32).reshape(1, *each.shape[each.size == 1 :]) for each in outputs)
            return SensorResult(given, self._view(crop))
        except (ValueError, TypeError, ZeroDivisionError) as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                log.warning("camera %d: can't read a result of its network (%s)", self._index, error)
            return None

    def _look_at(self, crop: tuple[int, ...]) -> None:
        """Let the network see what the picture shows, and no more."""
        self._crop = crop
        self._unsettled = _SETTLES
        if len(crop) == 4 and min(crop[2:]) > 0:
            self._device.set_inference_roi_abs(crop)

    def _view(self, crop: tuple[int, ...]) -> tuple[float, float, float, float]:
        """Return where in the picture the network looks; the driver may have refused to look at just the picture."""
        if not crop:
            return 0.0, 0.0, 1.0, 1.0
        left, top, width, height = crop
        seen = self._device.config["roi"].to_tuple()
        return (seen[0] - left) / width, (seen[1] - top) / height, seen[2] / width, seen[3] / height

    def _progress(self) -> str:
        try:
            done, total = self._device.get_fw_upload_progress(_NETWORK_STAGE)
        except Exception:  # noqa: BLE001 - only root may read it, and picamera2 asks in several ways
            return "its progress can't be read"
        return f"{100 * done // total} %" if total else "its progress is not known"


def load_imx500(path: Path, index: int) -> Imx500:
    """Give the network at `path`, which the caller has verified, to the camera with this number.

    It gets onto the sensor when that is started. Raises DelegateError.
    """
    if path.suffix != SUFFIX:
        raise DelegateError(f"{path.name} is not compiled for an IMX500: set a model whose file ends with {SUFFIX}")
    try:
        cameras = import_module("picamera2").Picamera2.global_camera_info()
        library = import_module("picamera2.devices.imx500")
    except Exception as error:  # of what picamera2 needs for it, each part fails in its own way
        raise DelegateError(f"picamera2 can't be used for an IMX500 ({_reason(error)}): {_ADVICE}") from error
    camera = next((each for each in cameras if each["Num"] == index), None)
    if camera is None or camera["Model"] != IMX500:
        found = "not there" if camera is None else f"a {camera['Model']}, not an IMX500"
        raise DelegateError(f"camera {index} is {found}: correct its source, or {_ADVICE}")
    try:
        return Imx500(library.IMX500(str(path), camera["Id"]), index)
    except Exception as error:
        raise DelegateError(f"the IMX500 does not take {path.name} ({_reason(error)}): {_ADVICE}") from error


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
