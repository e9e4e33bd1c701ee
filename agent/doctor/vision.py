"""Checks a camera and its model. Each check loads what the core never loads, in its own process."""

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agent.adapters import account
from agent.bootstrap import specs, vision_specs
from agent.core.camera.vision_spec import VisionSpec
from agent.core.diagnosis.agent_report import camera_figures, part_trouble, why_it_rests
from agent.core.diagnosis.finding import Finding, fail, failure, ok, unknown, warn
from agent.core.diagnosis.vision import Pictures, delegate_fails, judge_pictures, judge_sight, judge_speed
from agent.core.diagnosis.vision_extra import install_advice
from agent.core.errors import CameraError, DelegateError, MaskError, ModelError
from agent.doctor.check import NOT_TRIED, Device, Note
from agent.settings import CameraSettings, mask_url

_WATCH_S = 2.0
_FIRST_S = 10.0
_INFERENCES = 10
_INSTALL = f"{install_advice()}, or take [[cameras]] out of the settings"


def camera(device: Device, one: CameraSettings, note: Note) -> Iterator[Finding]:
    """Open the camera as the camera process would, and look at its pictures for two seconds. Keeps none of them."""
    if device.agent is not None:
        yield _of_running_agent(device, one)
        return
    if device.untold:
        yield NOT_TRIED
        return
    try:
        specs.masks(one)
    except MaskError as error:
        yield failure(error)
        return
    if not device.simulate and (trouble := _node_trouble(device, one.source)) is not None:
        yield trouble
        return
    try:
        size = (one.width, one.height) if one.width and one.height else None
        yield from judge_pictures(_watch(device, one, note), one.frames_per_second, size)
    except CameraError as error:
        yield failure(error)
    except ImportError as error:
        yield fail(f"{error.name} can't be imported", _INSTALL)


def model(device: Device, one: CameraSettings, note: Note) -> Iterator[Finding]:
    """Verify the model, load it as the camera process does, and measure it."""
    try:
        import numpy as np  # noqa: PLC0415

        from agent.adapters.imx500 import IMX500  # noqa: PLC0415
        from agent.adapters.tflite_interpreter import NONE, XNNPACK  # noqa: PLC0415
        from agent.vision.loaded_model import load_model  # noqa: PLC0415
    except ImportError as error:
        yield fail(f"{error.name} can't be imported", _INSTALL)
        return
    if device.agent is not None and one.delegate not in {XNNPACK, NONE}:
        yield _delegate_of_running_agent(device, one)
        return
    spec = vision_specs.vision_spec(device.settings, one, simulate=device.simulate)
    note(f"verifying and loading {one.model}")
    if one.delegate == IMX500:
        yield _on_sensor(spec)
        return
    try:
        loaded = load_model(
            one.model,
            spec.model_directories,
            one.threads,
            one.score_threshold,
            delegate=one.delegate,
            delegate_options=one.delegate_options,
            state_models=spec.state_models,
        )
        picture = np.zeros((loaded.manifest.input.height, loaded.manifest.input.width, 3), dtype=np.uint8)
        note(f"measuring {one.model}")
        loaded.detector.detect([picture])  # the first inference also builds what the next ones use
        times_ms = [_timed_ms(lambda: loaded.detector.detect([picture])) for _ in range(_INFERENCES)]
    except ModelError as error:
        yield failure(error)
        return
    if loaded.refused:
        yield failure(loaded.refused)
    if loaded.retired:
        yield warn(*loaded.retired.split(": ", 1))
    ms = statistics.median(times_ms)
    for finding in judge_speed(ms, loaded.runtime, one.inferences_per_second, loaded.delegate_trouble):
        yield Finding(finding.state, f"{loaded.manifest.name} is whole; {finding.what}", finding.do)


def _on_sensor(spec: VisionSpec) -> Finding:
    """Give the model to the camera's own sensor, which gets it with the next start of the camera."""
    from agent.vision.loaded_model import load_on_sensor  # noqa: PLC0415

    try:
        load_on_sensor(spec, spec.score_threshold, masked=bool(spec.masks or spec.mask_file))
    except DelegateError as error:
        return delegate_fails(str(error))
    except ModelError as error:
        return failure(error)
    return ok(f"{spec.model} is whole, and the camera's sensor takes it; only a running agent shows whether it answers")


def _of_running_agent(device: Device, one: CameraSettings) -> Finding:
    """Ask the agent about a camera that it has in use: many cameras can be opened only once."""
    text = device.status
    figures = camera_figures(text, one.name)
    if figures is None and device.agent is not None and device.agent.runtime_directory == Path():
        return unknown("the running agent has it, and was not started by systemd", "stop that agent to try it")
    if figures is None:
        return unknown(
            "the running agent has it, and does not report on it here",
            "run the doctor with sudo; else stop the service to try it, and nobody hears a press until you start it: "
            "`sudo systemctl stop edge-agent`, `sudo systemctl start edge-agent`",
        )
    rate = figures.get("frames_per_second")
    if rate:
        return judge_sight(figures) or ok(f"the running agent gets {rate:.1f} frames/s from it")
    if (rests := why_it_rests(text, f"camera-{one.name}")) is not None:
        return warn(rests, "it begins again by itself when the mains are back")
    if not device.simulate and (trouble := _node_trouble(device, one.source)) is not None:
        return trouble
    reason = f": {figures['detail']}" if figures.get("detail") else ""
    return fail(f"the running agent has it, and gets no pictures{reason}", "see its log: `journalctl -u edge-agent -b`")


def _delegate_of_running_agent(device: Device, one: CameraSettings) -> Finding:
    """Ask the agent about the accelerator of a camera: most serve one process only."""
    trouble = part_trouble(device.status, f"delegate-{one.name}")
    if trouble is None:
        return unknown(
            f"the running agent has {one.delegate}, and does not report on it here",
            "run the doctor with sudo; a camera that has just started takes a minute",
        )
    return delegate_fails(trouble) if trouble else ok(f"the running agent runs {one.model} on {one.delegate}")


def _node_trouble(device: Device, source: str) -> Finding | None:
    """Return what is wrong with the device's node, if anything; the library that opens it would say less."""
    kind, _, target = source.partition(":")
    if kind == "picamera2" and not any(Path("/dev").glob("media*")):
        return fail(
            "there is no camera node (/dev/media*)", "check the ribbon cable, and camera_auto_detect=1 in config.txt"
        )
    return _trouble_of(device, Path(target)) if kind == "v4l2" else None


def _trouble_of(device: Device, node: Path) -> Finding | None:
    try:
        os.close(os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
    except FileNotFoundError:
        others = ", ".join(map(str, sorted(Path("/dev").glob("video*")))) or "none at all"
        return fail(f"there is no camera node {node}", f"check cable and power; there are: {others}")
    except PermissionError:
        return fail(*account.why_denied(node, device.user))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return fail(f"{node} can't be opened: {reason}", "check cable and power; see `dmesg`")
    return None


def _watch(device: Device, one: CameraSettings, note: Note) -> Pictures:
    from agent.adapters.system_clock import SystemClock  # noqa: PLC0415
    from agent.vision.camera_factory import make_camera  # noqa: PLC0415

    spec = vision_specs.vision_spec(device.settings, one, simulate=device.simulate)
    source = make_camera(spec, SystemClock().boottime_ns)
    note(f"opening {mask_url(one.source)}")
    source.open()
    try:
        note(f"waiting for a picture of {mask_url(one.source)}")
        first = last = source.read(_FIRST_S)
        count, until_s = 1, time.monotonic() + _WATCH_S
        with suppress(CameraError):  # a file may end
            while time.monotonic() < until_s:
                last = source.read(_WATCH_S)
                count += 1
    finally:
        source.close()
    height, width = last.pixels.shape[:2]
    seconds = (last.boottime_ns - first.boottime_ns) / 1e9
    return Pictures(width, height, count, seconds, float(last.pixels.mean()))


def _timed_ms(work: object) -> float:
    began_s = time.perf_counter()
    work()  # type: ignore[operator]
    return (time.perf_counter() - began_s) * 1000
