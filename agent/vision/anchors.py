"""The anchors that raw boxes are relative to: N x 4, centre y, centre x, height, width in fractions of the picture."""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.core.camera.model_decoders import AnchorFile, EfficientDetAnchors, SsdAnchors
from agent.core.camera.model_manifest import ModelInput
from agent.core.errors import ModelError, ModelRefusedError

Floats = npt.NDArray[np.floating[Any]]

_SSD_FIRST_STRIDE = 16


def anchors_of(spec: SsdAnchors | EfficientDetAnchors | AnchorFile, size: ModelInput, directory: Path) -> Floats:
    """Return the anchors of a model with this input size, in the model's order; `directory` holds its files.

    Raises ModelError.
    """
    match spec:
        case SsdAnchors():
            return _ssd(spec, size)
        case EfficientDetAnchors():
            return _efficientdet(spec, size)
        case AnchorFile():
            return _from_file(directory / spec.file, spec.sha256)


def _ssd(spec: SsdAnchors, size: ModelInput) -> Floats:
    if size.width != size.height:
        raise ModelError("anchors by the formula `ssd` need a square input: give the model's in a file")
    scales = [*np.linspace(spec.min_scale, spec.max_scale, spec.num_layers).tolist(), 1.0]
    parts = []
    cells = -(-size.width // _SSD_FIRST_STRIDE)
    for layer in range(spec.num_layers):
        scale = scales[layer]
        if layer == 0 and spec.reduce_boxes_in_lowest_layer:
            shapes = [(0.1, 1.0), (scale, 2.0), (scale, 0.5)]
        else:
            shapes = [(scale, ratio) for ratio in spec.aspect_ratios]
            shapes.append(((scale * scales[layer + 1]) ** 0.5, 1.0))
        parts.append(_grid(cells, cells, [(scale / ratio**0.5, scale * ratio**0.5) for scale, ratio in shapes]))
        cells = _halved(cells)
    return np.concatenate(parts)


def _efficientdet(spec: EfficientDetAnchors, size: ModelInput) -> Floats:
    if spec.max_level < spec.min_level:
        raise ModelError("anchors by the formula `efficientdet` need a max_level of at least min_level")
    parts = []
    rows, columns = size.height, size.width
    for level in range(1, spec.max_level + 1):
        rows, columns = _halved(rows), _halved(columns)
        if level >= spec.min_level:
            bases = [spec.anchor_scale * 2 ** (octave / spec.num_scales) for octave in range(spec.num_scales)]
            shapes = [
                (base / ratio**0.5 / rows, base * ratio**0.5 / columns)
                for base in bases
                for ratio in spec.aspect_ratios
            ]
            parts.append(_grid(rows, columns, shapes))
    return np.concatenate(parts)


def _from_file(path: Path, sha256: str) -> Floats:
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:  # it was right when the model was verified
            raise ModelRefusedError(f"{path} is not the file that its manifest describes: it has just been changed")
        found = np.loadtxt(io.BytesIO(content), dtype=np.float32, delimiter=",", ndmin=2)
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}; check its owner and mode") from error
    except ValueError as error:
        raise ModelError(f"{path} holds no anchors: {error}") from error
    if found.shape[1:] != (4,) or not np.isfinite(found).all():
        raise ModelError(f"{path} holds no anchors: a line is centre y, centre x, height, width")
    return found


def _grid(rows: int, columns: int, shapes: list[tuple[float, float]]) -> Floats:
    """Return anchors of these shapes (height, width) in the middle of each cell, in reading order."""
    ys, xs, index = np.meshgrid(
        (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, np.arange(len(shapes)), indexing="ij"
    )
    sizes = np.array(shapes)[index]
    return np.concatenate([np.stack([ys, xs], axis=-1), sizes], axis=-1).reshape(-1, 4).astype(np.float32)


def _halved(cells: int) -> int:
    return max(-(-cells // 2), 1)
