"""A Hailo accelerator, through HailoRT's own Python package: `python3-hailort` in Raspberry Pi OS."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.core.errors import DelegateError, ModelError

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

HAILO = "hailo"
SUFFIX = ".hef"
"""How the name of a model that is compiled for a Hailo ends."""
_SCORE_OPTION = "nms_score_threshold"
_RUN_LIMIT_MS = 3000
_MOST_BOXES = 100_000
"""More boxes than this in one output are a mistake in the file; 80 classes of 100 are usual."""
_BOX = 5
"""Top, left, bottom, right, score."""
_FILE_ADVICE = "fetch the file for the chip that `hailortcli fw-control identify` shows, and for this HailoRT"
_OF_THE_FILE = re.compile("HEF|promise|Buffer must be")
"""In what HailoRT says, or we, when a file is for another chip or version, or suppresses in another form."""
_DEVICE_ADVICE = (
    "`hailortcli scan` must show it, else install hailo-all and start the computer again; one process can have it, "
    "that of one camera"
)


class HailoInterpreter:
    """One model with one input on one Hailo, which no other process can use until `close`. One thread.

    An output that HailoRT has suppressed is 1 x classes x boxes x 5: top, left, bottom, right as fractions of the
    input, and the score; places that it has left empty are not numbers. Any other is as the model has it.
    """

    def __init__(self, library: Any, device: Any, content: bytes, score_threshold: float | None) -> None:
        self._device = device
        self.runtime = f"hailort {library.__version__}"
        """For example `hailort 4.23.0`."""
        model = device.create_infer_model(content)
        [self._input_name] = model.input_names
        model.input().set_format_type(library.FormatType.UINT8)
        infos = {info.name: info for info in model.hef.get_output_vstream_infos()}
        self._raw: dict[str, Shape] = {}
        self._outputs: dict[str, Shape] = {}
        for output in model.outputs:
            output.set_format_type(library.FormatType.FLOAT32)
            self._raw[output.name] = shape = tuple(output.shape)
            if output.is_nms:
                if score_threshold is not None:
                    output.set_nms_score_threshold(score_threshold)
                shape = _suppressed_shape(infos[output.name].nms_shape)
            self._outputs[output.name] = (1, *shape)
        self._picture = np.zeros((1, *model.input().shape), np.uint8)
        self._configured = model.configure()

    @property
    def input_shape(self) -> Shape:
        """1, height, width, channels for a picture."""
        return tuple(self._picture.shape)

    @property
    def input_dtype(self) -> str:
        """Always `uint8`: a Hailo takes pixels."""
        return str(self._picture.dtype)

    @property
    def output_shapes(self) -> list[Shape]:
        """Shape of each output, in the order of `run`."""
        return list(self._outputs.values())

    def input_view(self) -> Array:
        """Return the memory of the input, to fill in place."""
        return self._picture

    def run(self) -> list[Array]:
        """Run one inference on what the input holds; return the outputs as float32. Raises ModelError."""
        try:
            # New bindings each time: HailoRT puts buffers of its own in the place of ours.
            bindings = self._configured.create_bindings(
                input_buffers={self._input_name: self._picture[0]},
                output_buffers={name: np.zeros(shape, np.float32) for name, shape in self._raw.items()},
            )
            self._configured.run([bindings], _RUN_LIMIT_MS)
            answers = [(bindings.output(name).get_buffer(), shape) for name, shape in self._outputs.items()]
            return [_as_promised(answer, shape) for answer, shape in answers]
        except Exception as error:  # HailoRT raises errors of unrelated types, numpy others at nonsense
            raise ModelError(f"the model failed in {self.runtime}: {_reason(error)}") from error

    def close(self) -> None:
        """Give the device back; no run may follow."""
        self._configured = None
        _release(self._device)


def load_hailo(path: Path, content: bytes, options: Mapping[str, str] | None = None) -> HailoInterpreter:
    """Load `content`, which the caller has read from `path` and verified, and run it once.

    The only option is `nms_score_threshold`, for a model whose suppression HailoRT does itself. Raises DelegateError.
    """
    threshold = _threshold(options or {})
    if path.suffix != SUFFIX:
        raise DelegateError(f"{path.name} is not compiled for a Hailo: set a model whose file ends with {SUFFIX}")
    os.environ.setdefault("HAILORT_LOGGER_PATH", "NONE")  # else it writes its log into the current directory
    try:
        import hailo_platform as library  # noqa: PLC0415 - only who has a Hailo has it
    except Exception as error:  # one that does not fit numpy or its own library raises more than ImportError
        raise DelegateError(f"hailo_platform can't be imported ({_reason(error)}): install hailo-all") from error
    device = None
    try:
        device = library.VDevice()
        interpreter = HailoInterpreter(library, device, content, threshold)
        interpreter.run()  # what else it may refuse, or answer in another form, shows only now
    except Exception as error:  # HailoRT raises errors of unrelated types
        _release(device)
        advice = _FILE_ADVICE if _OF_THE_FILE.search(str(error)) else _DEVICE_ADVICE
        raise DelegateError(f"the Hailo can't run {path.name} ({_reason(error)}; {advice})") from error
    return interpreter


def _threshold(options: Mapping[str, str]) -> float | None:
    if not options:
        return None
    with suppress(KeyError, ValueError):
        if options.keys() == {_SCORE_OPTION} and 0 < (threshold := float(options[_SCORE_OPTION])) < 1:
            return threshold
    raise DelegateError(f"a Hailo has one option, {_SCORE_OPTION}, between 0 and 1: correct delegate_options")


def _suppressed_shape(nms: Any) -> Shape:
    classes, most = int(nms.number_of_classes), int(nms.max_bboxes_per_class)
    if not 0 < classes * most <= _MOST_BOXES:
        raise ModelError(f"it promises {classes} classes of {most} boxes")
    return classes, most, _BOX


def _as_promised(answer: Any, shape: Shape) -> Array:
    if not isinstance(answer, list):
        return np.asarray(answer, np.float32).reshape(shape)
    boxes = np.full(shape, np.nan, np.float32)
    if len(answer) != len(boxes[0]):
        raise ModelError(f"it gave boxes of {len(answer)} classes where it had promised {len(boxes[0])}")
    for place, found in zip(boxes[0], answer, strict=True):
        if len(found) > len(place) or np.shape(found) not in {(0,), (len(found), _BOX)}:
            raise ModelError(f"it gave boxes {np.shape(found)} where it had promised {place.shape}")
        place[: len(found)] = found if len(found) else place[:0]
    return boxes


def _release(device: Any) -> None:
    if device is not None:
        with suppress(Exception):  # a device that is gone can't be given back
            device.release()


def _reason(error: Exception) -> str:
    text = str(error).replace(". See hailort.log for more information", "")  # there is none
    return next(iter(text.splitlines()), type(error).__name__)
