"""The composition root of the camera process: builds it from the spec that the core sends, and runs it."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from agent.adapters import opencv_imaging as imaging
from agent.adapters.child_link import CoreGoneError, CoreLink
from agent.adapters.child_threads import Ending, Worker
from agent.adapters.imx500 import IMX500, UPLOAD_LIMIT_S
from agent.adapters.mask_file import all_masks
from agent.adapters.picamera2_encoder import OnUnit
from agent.adapters.system_clock import SystemClock
from agent.contract.vocabulary import TimeQuality
from agent.core.camera.link import Failed, Hello, Start, Stop, TakeSnapshot, ToVision, decode_for_vision
from agent.core.camera.vision_spec import VisionSpec
from agent.core.errors import DelegateError, EdgeAgentError, MaskError, ModelError, ModelRefusedError
from agent.core.link_lines import LinkError
from agent.ports import Clock, Detector
from agent.vision.camera_factory import make_camera
from agent.vision.capture import Capture, CaptureGivenUpError, CaptureLimits
from agent.vision.frame_loop import FrameLoop
from agent.vision.frame_slot import FrameSlot
from agent.vision.frame_steps import FrameSteps
from agent.vision.hardly_able import HardlyAbleReporter
from agent.vision.heartbeat import PERIOD_S, HeartbeatSource
from agent.vision.loaded_model import LoadedModel, SensorModel, load_model, load_on_sensor
from agent.vision.pace import Pace, TimedDetector
from agent.vision.privacy import PrivacyMask
from agent.vision.recorder_feed import RecorderFeed
from agent.vision.reference_scene import ReferenceScene
from agent.vision.repair import Repair
from agent.vision.reports import Reports
from agent.vision.rule_factory import rules_of
from agent.vision.sensor_sight import SensorReader, SensorSight
from agent.vision.sight import FLOOR, FindsPeople, Sight
from agent.vision.small_grey import with_grey
from agent.vision.snapshot import Snapshots, SnapshotService
from agent.vision.tamper import TamperWatch
from agent.vision.tamper_picture import TamperPictures
from agent.vision.tamper_reporter import TamperReporter

CHECK_S = 0.25
JOIN_S = 1.0


def run(
    connection: socket.socket,
    leave: Callable[[int], object] = os._exit,
    limits: CaptureLimits | None = None,
) -> None:
    """Watch one camera until the core says stop. Raises EdgeAgentError when that fails.

    `leave` ends the process at once. The link thread calls it when the core has gone and no stop was asked for.
    """
    link = CoreLink(connection, decode_for_vision)
    try:
        _watch(link, link.first(Start).spec, leave, limits)
    except EdgeAgentError as error:
        with suppress(CoreGoneError):
            refused, by_delegate = isinstance(error, ModelRefusedError), isinstance(error, DelegateError)
            link.send(Failed(detail=str(error), model_refused=refused, by_delegate=by_delegate))
        if isinstance(error, MaskError):  # the listener, which closes the link, has not started
            link.close()
        raise


def _watch(
    link: CoreLink[ToVision], spec: VisionSpec, leave: Callable[[int], object], limits: CaptureLimits | None
) -> None:
    memory = None if spec.memory_directory is None else Path(spec.memory_directory)
    snapshots = Snapshots(Path(spec.snapshot_directory), spec.snapshot_max_bytes, imaging.jpeg, imaging.scaled, memory)
    snapshots.clear()
    clock = SystemClock()
    ending = Ending()
    masks = all_masks(spec.masks, spec.mask_file)  # before all else: no camera is opened unless its masks are known
    slot = FrameSlot(PrivacyMask(masks, imaging.fill_polygon).cover)
    rules = rules_of(spec)
    reports = Reports(clock, spec.name)
    pace = Pace()
    service = SnapshotService(
        slot, snapshots, clock.boottime_ns, lambda: reports.in_view.persons, imaging.focus_and_light
    )

    def on_message(message: ToVision) -> None:
        if isinstance(message, TakeSnapshot):
            answer = service.take(message.id, message.max_bytes)
            if answer is not None:
                link.send(answer)
        elif isinstance(message, Stop):
            ending.stop()

    def on_end(error: LinkError) -> None:
        ending.fail(error)
        # A sender may have found the broken link first; the process leaves at once all the same.
        if isinstance(ending.failure, CoreGoneError) and not ending.asked:
            leave(1)

    # From here on the process notices when the link ends, even while the model loads.
    listener = Worker("link", partial(link.listen, on_message, on_end), ending)
    listener.start()

    imaging.limit_threads(1)
    model = _load(spec, masked=bool(masks))
    feed = recorder_feed(spec, slot, masked=bool(masks))
    # What hardware encodes has no masks of ours.
    on_unit = feed.put_unit if feed is not None and not masks else None
    capture = _capture(spec, model, on_unit, slot, clock.boottime_ns, limits or CaptureLimits())
    tampers = tamper_reporter(spec, clock, snapshots)
    steps = FrameSteps(
        _sight_of(model, spec, pace, clock),
        rules,
        reports,
        lambda: None if clock.quality() is TimeQuality.UNSYNCED else clock.wall(),
        link.send,
        snapshots if spec.event_snapshots else None,
        tampers.process,
        partial(with_grey, small=imaging.reduced_grey),
        HardlyAbleReporter(lambda: tampers.is_active, clock).process,
    )
    frame_loop = FrameLoop(slot, steps.process, pace, clock, spec.frames_per_second, ending.event)
    heartbeats = HeartbeatSource(
        slot,
        pace,
        clock.boottime_ns,
        lambda: capture.detail,
        lambda: reports.in_view.persons,
        lambda: capture.stated_frames_per_second,
        masks=len(masks),
        frames_per_second=spec.frames_per_second,
        never_moving=lambda: rules.things,
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
            model_refused=model.refused,
            model_retired=model.retired,
        )
    )
    with _blamed(model):
        with ExitStack() as stack:
            stack.callback(model.close)
            capture.start()
            stack.callback(capture.stop)
            workers = [Worker("heartbeat", beat, ending), Worker("frames", frame_loop.run_once, ending)]
            workers += feed_workers(feed, ending, stack)
            for worker in workers:
                worker.start()
                stack.callback(worker.join, JOIN_S)
            stack.callback(ending.event.set)
            while not ending.event.wait(CHECK_S):
                capture.check()
        _raise_failure(ending, listener)


@contextmanager
def _blamed(model: LoadedModel | SensorModel) -> Iterator[None]:
    """Say so if it was the delegate that failed. A sensor with a network answers for its pictures too."""
    try:
        yield
    except (ModelError, CaptureGivenUpError) as error:
        if model.delegate_trouble == "" and (isinstance(error, ModelError) or isinstance(model, SensorModel)):
            raise DelegateError(str(error)) from error
        raise


def _load(spec: VisionSpec, *, masked: bool) -> LoadedModel | SensorModel:
    no_delegate = DelegateError(spec.delegate_given_up) if spec.delegate_given_up else None
    if spec.delegate == IMX500 and no_delegate is None:
        try:
            return load_on_sensor(spec, FLOOR, masked=masked)
        except DelegateError as error:
            no_delegate = error
    return load_model(
        spec.model,
        spec.model_directories,
        spec.threads,
        FLOOR,
        delegate=spec.delegate,
        delegate_options=spec.delegate_options,
        state_models=spec.state_models,
        no_delegate=no_delegate,
    )


def _capture(
    spec: VisionSpec,
    model: LoadedModel | SensorModel,
    on_unit: OnUnit | None,
    slot: FrameSlot,
    boottime_ns: Callable[[], int],
    limits: CaptureLimits,
) -> Capture:
    sensor = None
    if isinstance(model, SensorModel):
        sensor, limits = model.sensor, replace(limits, open_s=UPLOAD_LIMIT_S)
    open_camera = partial(make_camera, spec, boottime_ns, on_unit, sensor)
    return Capture(spec.name, open_camera, slot, boottime_ns, limits)


def _sight_of(model: LoadedModel | SensorModel, spec: VisionSpec, pace: Pace, clock: Clock) -> FindsPeople:
    if isinstance(model, LoadedModel):
        return make_sight(spec, TimedDetector(model.detector, pace, clock.boottime_ns))
    return make_sensor_sight(spec, model.reader, lambda: pace.inferred(1, 0))


def _raise_failure(ending: Ending, listener: Worker) -> None:
    try:
        ending.raise_failure()
    except CoreGoneError:
        # A sender may have found the link broken before the listener has read the core's Stop.
        listener.join(JOIN_S)
        if not ending.asked:
            raise


def recorder_feed(spec: VisionSpec, slot: FrameSlot, *, masked: bool) -> RecorderFeed | None:
    """Return what gives the pictures to the camera's recorder, if it has one."""
    if spec.recorder_socket is None:
        return None
    return RecorderFeed(
        spec.recorder_socket, spec.name, masked, slot, imaging.i420, 1 / spec.recorded_frames_per_second
    )


def feed_workers(feed: RecorderFeed | None, ending: Ending, stack: ExitStack) -> list[Worker]:
    """Return what runs the feed; `stack` closes it."""
    if feed is None:
        return []
    stack.callback(feed.close)
    return [Worker("recorder", feed.run_once, ending)]


def make_sight(spec: VisionSpec, detector: Detector) -> FindsPeople:
    """Build what finds the people of this camera; `detector` must return every box that scores at least `FLOOR`."""
    return Sight(
        detector,
        imaging.small_grey,
        imaging.blobs,
        imaging.follow_points,
        score_threshold=spec.score_threshold,
        inferences_per_second=spec.inferences_per_second,
        smallest_person=spec.smallest_person,
        repair=Repair(imaging.mended),
    )


def make_sensor_sight(spec: VisionSpec, reader: SensorReader, looked: Callable[[], object]) -> FindsPeople:
    """Build what finds the people of a camera whose sensor looks for them; `looked` is called for each result."""
    return SensorSight(
        reader,
        imaging.small_grey,
        looked,
        score_threshold=spec.score_threshold,
        smallest_person=spec.smallest_person,
    )


def tamper_reporter(spec: VisionSpec, clock: Clock, snapshots: Snapshots) -> TamperReporter:
    """Build the tamper reporter of this camera; deletes the stored scene first if the spec wants a new one."""
    scene = ReferenceScene(Path(spec.snapshot_directory) / f"{spec.name}.scene")
    if spec.new_scene:
        scene.forget()
    watch = TamperWatch(spec.tamper, imaging.grey, imaging.scaled, spec.frames_per_second, scene)
    return TamperReporter(watch, clock, TamperPictures(snapshots, imaging.scaled))
