"""Checks whether a camera is recorded: the encoder or the stream, the seconds before a press, the card."""

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agent.bootstrap.recorder_specs import recorder_spec
from agent.bootstrap.specs import is_recorded
from agent.core.camera.recorder_link import RecorderSpec
from agent.core.diagnosis.agent_report import camera_figures, why_it_rests
from agent.core.diagnosis.finding import Finding, fail, ok, unknown, warn
from agent.core.diagnosis.recording import Chain, judge_chain, judge_groups, judge_recorder, judge_room
from agent.core.errors import CameraError, EncoderError
from agent.doctor.check import NOT_TRIED, Device, Note
from agent.settings import CameraSettings

_WATCH_S = 6.0
_SIZE = (1280, 720)


def recording(device: Device, one: CameraSettings, note: Note) -> Iterator[Finding]:
    """Look at everything that a recording of this camera needs."""
    evidence = device.settings.evidence
    if evidence.recipient is None:
        yield ok("it is not recorded: [evidence] recipient, the province's key, is not in the settings")
        return
    if not one.evidence:
        yield ok("it is not recorded: its settings say evidence = false")
        return
    if not is_recorded(device.settings, one):
        what = "it is not recorded: the device has no key of its own to sign with ([mqtt] cert_file and key_file)"
        yield fail(what, "enrol it: `sudo edge-agent enrol`")
        return
    spec = recorder_spec(device.settings, one)
    if device.agent is not None:
        yield from _of_running_agent(device, one)
    elif device.untold:
        yield NOT_TRIED
    else:
        yield from _tried(device, spec, note)
    yield from _on_card(Path(spec.keeping.directory), spec, note)


def _of_running_agent(device: Device, one: CameraSettings) -> Iterator[Finding]:
    figures = (camera_figures(device.status, one.name) or {}).get("recording")
    if figures is None:
        yield unknown("the running agent does not report here whether it is recorded", "run the doctor with sudo")
        return
    if (rests := why_it_rests(device.status, f"recorder-{one.name}")) is not None:
        yield warn(f"it is not recorded: {rests}", "it begins again by itself when the mains are back")
        return
    yield from judge_recorder(figures, device.settings.evidence.before_s)


def _tried(device: Device, spec: RecorderSpec, note: Note) -> Iterator[Finding]:
    """Try what the recorder would use. In a process that is killed if it hangs."""
    try:
        if spec.stream is not None and spec.may_be_unmasked and not device.simulate:
            yield from _stream(spec.stream, note)
            return
        from agent.adapters.av_encoder import AvEncoder  # noqa: PLC0415 - loads FFmpeg

        note("opening an encoder")
        encoder = AvEncoder(*_SIZE, spec.frames_per_second, spec.bit_rate)
        yield ok(f"it can be recorded, by {encoder.name}")
        if spec.stream is not None:
            what = f"its stream is recorded from the masked pictures, {spec.frames_per_second:g} a second"
            yield ok(f"{what}: it has masks, and masked_by_camera is not set")
    except (CameraError, EncoderError) as error:
        what, found, do = str(error).partition(": run ")
        yield fail(what, f"run {do}" if found else "see the check of the camera, and docs/evidence.md")


def _stream(address: str, note: Note) -> Iterator[Finding]:
    from agent.adapters.av_demuxer import AvDemuxer  # noqa: PLC0415 - loads FFmpeg
    from agent.trust.evidence.h264 import units  # noqa: PLC0415

    note("opening the stream that is recorded")
    stream = AvDemuxer(address)
    note("waiting for key frames of the stream that is recorded")
    keys: list[float] = []
    until_s = time.monotonic() + _WATCH_S
    for unit in stream.units():
        if any(each.starts_gop for each in units(unit.content)):
            keys.append(time.monotonic())
        if time.monotonic() > until_s:
            break
    apart_s = max((later - earlier for earlier, later in itertools.pairwise(keys)), default=_WATCH_S)
    yield from judge_groups(apart_s) or [ok(f"it can be recorded as it comes, {stream.width}x{stream.height}, H.264")]


def _on_card(directory: Path, spec: RecorderSpec, note: Note) -> Iterator[Finding]:
    note(f"looking at {directory}")
    try:
        used = sum(each.stat().st_size for each in directory.iterdir()) if directory.exists() else 0
        there = next(each for each in (directory, *directory.parents) if each.exists())
        state = os.statvfs(there)
        found = _chain(directory)
    except PermissionError:
        yield unknown(f"{directory} can't be read", "run the doctor with sudo")
        return
    except OSError as error:
        yield fail(f"{directory}: {(error.strerror or str(error)).lower()}", "see the check of the disk")
        return
    keeping = spec.keeping
    yield from judge_room(state.f_bavail * state.f_frsize, keeping.free_bytes, used, keeping.bytes)
    yield from judge_chain(found)


def _chain(directory: Path) -> Chain | None:
    from agent.trust.evidence.chain import FILE, read  # noqa: PLC0415
    from agent.trust.evidence.jws import digest  # noqa: PLC0415
    from agent.trust.evidence.manifest import ENTRY  # noqa: PLC0415

    with suppress(FileNotFoundError):
        found = read((directory / FILE).read_bytes(), FILE, [])
        begun = [str(each.said.get("at")) for each in found.entries if each.said[ENTRY] == "begun"]
        damaged = str(found.findings[0]) if found.findings else ""
        head = digest(found.entries[-1].token) if found.entries else ""
        return Chain(len(found.entries), head, begun[-1] if begun else None, damaged)
    return None
