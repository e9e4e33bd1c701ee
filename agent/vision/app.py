"""The composition root of the camera process: builds it from the spec that the core sends, and runs it."""

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from agent.adapters import opencv_imaging as imaging
from agent.adapters.mask_file import all_masks
from agent.adapters.opencv_camera import OpenCvCamera
from agent.adapters.opencv_device import OpenCvDevice
from agent.adapters.opencv_file_camera import OpenCvFileCamera
from agent.adapters.opencv_stream import OpenCvStream
from agent.adapters.picamera2_camera import Picamera2Camera
from agent.adapters.system_clock import SystemClock
from agent.adapters.tflite_interpreter import NONE, XNNPACK, load_tflite
from agent.core.errors import CameraError, DelegateError, EdgeAgentError, MaskError, ModelError
from agent.core.link import Failed, Hello, LinkError, Stop, TakeSnapshot, ToVision, VisionSpec
from agent.core.model_manifest import ModelManifest
from agent.models.store import ModelStore
from agent.ports import Camera, Clock, Detector
from agent.sim.camera import PictureFolder, SimCamera
from agent.sim.camera_faults import CameraFaultFile, FaultyCamera
from agent.sim.spoil import SPOILS
from agent.vision.capture import Capture, CaptureLimits
from agent.vision.core_link import CoreGoneError, CoreLink
from agent.vision.frame_slot import FrameSlot
from agent.vision.heartbeat import PERIOD_S, HeartbeatSource
from agent.vision.kept_scene import KeptScene
from agent.vision.lookout import Lookout
from agent.vision.person_detector import Interpreter, PersonDetector
from agent.vision.privacy import PrivacyMask
from agent.vision.reports import Reports
from agent.vision.rule_book import rules_of
from agent.vision.sight import FLOOR, Sight
from agent.vision.snapshot import Snapshots, SnapshotService
from agent.vision.source import parse_source
from agent.vision.tamper import TamperWatch
from agent.vision.tamper_teller import TamperTeller
from agent.vision.worker import Ending, Worker

CHECK_S = 0.25
JOIN_S = 1.0


def run(
    connection: socket.socket,
    leave: Callable[[int], object] = os._exit,
    limits: CaptureLimits | None = None,
) -> None:
    """Watch one camera until the core says stop. Raises EdgeAgentError when that fails.

    `leave` ends the process at once; it is called when the core has gone, from whatever thread finds out.
    """
    link = CoreLink(connection)
    spec = link.receive_start()
    try:
        _watch(link, spec, leave, limits)
    except EdgeAgentError as error:
        with suppress(CoreGoneError):
            link.send(Failed(detail=str(error)))
        if isinstance(error, MaskError):  # nobody listens yet, who would close it
            link.close()
        raise


def _watch(link: CoreLink, spec: VisionSpec, leave: Callable[[int], object], limits: CaptureLimits | None) -> None:
    clock = SystemClock()
    ending = Ending()
    masks = all_masks(spec.masks, spec.mask_file)  # before all else: no camera is opened unless its masks are known
    slot = FrameSlot(PrivacyMask(masks, imaging.fill_polygon).cover)
    rules = rules_of(spec)
    reports = Reports(clock)
    directory = Path(spec.snapshot_directory)
    snapshots = Snapshots(directory, spec.snapshot_max_bytes, imaging.jpeg, imaging.scaled)
    service = SnapshotService(slot, snapshots, clock.boottime_ns, lambda: reports.in_view.persons)

    def on_message(message: ToVision) -> None:
        if isinstance(message, TakeSnapshot):
            answer = service.take(message.id)
            if answer is not None:
                link.send(answer)
        elif isinstance(message, Stop):
            ending.stop()

    def on_end(error: LinkError) -> None:
        if isinstance(error, CoreGoneError) and not ending.event.is_set():
            leave(1)
        ending.fail(error)

    # From here on an end of the link is noticed, even while the model loads.
    listener = Worker("link", partial(link.listen, on_message, on_end), ending)
    listener.start()

    imaging.limit_threads(1)
    model = load_model(
        spec.model,
        spec.model_directories,
        spec.threads,
        FLOOR,
        delegate=spec.delegate,
        delegate_options=spec.delegate_options,
    )
    open_camera = partial(make_camera, spec, clock.boottime_ns)
    capture = Capture(spec.camera, open_camera, slot, clock.boottime_ns, limits)
    lookout = Lookout(
        slot,
        make_sight(spec, model.detector),
        rules,
        reports,
        clock,
        link.send,
        spec.frames_per_second,
        ending.event,
        snapshots if spec.event_snapshots else None,
        tamper_teller(spec, clock).look,
    )
    heartbeats = HeartbeatSource(
        slot,
        lookout.pace,
        clock.boottime_ns,
        lambda: capture.detail,
        lambda: reports.in_view.persons,
        lambda: capture.stated_frames_per_second,
        masks=len(masks),
    )

    def beat() -> None:
        link.send(heartbeats.make())
        ending.event.wait(PERIOD_S)

    link.send(
        Hello(
            pid=os.getpid(),
            model=model.manifest.name,
            model_sha256=model.manifest.sha256,
            runtime=model.runtime,
            delegate_trouble=model.delegate_trouble,
        )
    )
    with ExitStack() as stack:
        capture.start()
        stack.callback(capture.stop)
        for worker in (Worker("heartbeat", beat, ending), Worker("look", lookout.run_once, ending)):
            worker.start()
            stack.callback(worker.join, JOIN_S)
        stack.callback(ending.stop)
        while not ending.event.wait(CHECK_S):
            capture.check()
    ending.raise_failure()


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A verified model, ready to look. `runtime` is for example `ai-edge-litert 2.3.0`."""

    manifest: ModelManifest
    detector: PersonDetector
    runtime: str
    delegate_trouble: str | None
    """Why the processor works instead of the delegate; empty if it does not, None without such a delegate."""


def load_model(
    name: str,
    directories: Sequence[str],
    threads: int,
    score_threshold: float,
    *,
    delegate: str = XNNPACK,
    delegate_options: Mapping[str, str] | None = None,
    around: Callable[[Interpreter], Interpreter] | None = None,
) -> LoadedModel:
    """Find, verify and load a model, exactly as the live loop and a benchmark use it. Raises ModelError.

    Whoever measures gives `around`: what it makes of the interpreter takes the interpreter's place.

    A slow look is better than none: without the delegate of the settings, the processor runs the model.
    """
    manifest, path = ModelStore([Path(entry) for entry in directories]).load(name)
    trouble = None if delegate in {XNNPACK, NONE} else ""
    try:
        interpreter = load_tflite(path, threads, delegate, delegate_options)
    except DelegateError as error:
        trouble = f"{error}: the processor runs the model instead"
        try:
            interpreter = load_tflite(path, threads)
        except ModelError as its_own:
            raise ModelError(f"{error}, nor can the processor: {its_own}") from its_own
    runs: Interpreter = interpreter if around is None else around(interpreter)
    detector = PersonDetector(runs, manifest, path.parent, imaging.RgbScaler(), score_threshold)
    return LoadedModel(manifest, detector, interpreter.runtime, trouble)


def make_sight(spec: VisionSpec, detector: Detector) -> Sight:
    """What looks at the frames of this camera; `detector` gives every box from `FLOOR` on."""
    return Sight(
        detector,
        imaging.small_grey,
        imaging.blobs,
        score_threshold=spec.score_threshold,
        inferences_per_second=spec.inferences_per_second,
    )


def tamper_teller(spec: VisionSpec, clock: Clock) -> TamperTeller:
    """What watches over the camera of this spec."""
    scene = KeptScene(Path(spec.snapshot_directory) / f"{spec.camera}.scene")
    if spec.new_scene:
        scene.forget()
    return TamperTeller(TamperWatch(spec.tamper, imaging.grey, imaging.scaled, spec.frames_per_second, scene), clock)


def make_camera(spec: VisionSpec, boottime_ns: Callable[[], int]) -> Camera:
    """The camera that the spec names, or its stand-in. Opens nothing. Raises CameraError."""
    camera = _camera(spec, boottime_ns)
    if not spec.simulate:
        return camera
    return FaultyCamera(camera, CameraFaultFile(Path(spec.snapshot_directory) / f"{spec.camera}.fault"), SPOILS)


def _camera(spec: VisionSpec, boottime_ns: Callable[[], int]) -> Camera:
    source = parse_source(spec.source)
    size = (spec.width, spec.height) if spec.width and spec.height else None
    rate = spec.frames_per_second
    if source.kind == "file":
        path = Path(source.target)
        if path.is_dir():
            return SimCamera(boottime_ns, size, rate, PictureFolder(path, imaging.read_picture))
        return OpenCvFileCamera(path, boottime_ns, loop=source.loop)
    if source.kind == "stream":
        return OpenCvCamera(f"the stream of camera {spec.camera}", OpenCvStream(source.target), boottime_ns)
    if spec.simulate:
        return SimCamera(boottime_ns, size, rate)
    if source.kind == "v4l2":
        return OpenCvCamera(source.target, OpenCvDevice(source.target, size, rate), boottime_ns)
    try:
        library = import_module("picamera2")
    except ImportError as error:
        raise CameraError("picamera2 can't be imported: run `sudo apt install python3-picamera2`") from error
    return Picamera2Camera(library, int(source.target), boottime_ns, size, rate)
