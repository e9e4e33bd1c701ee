"""A replay as a camera whose sensor runs the model: one look at the whole of each picture, by the built model."""

from pathlib import Path

from agent.adapters.opencv_imaging import Pixels
from agent.adapters.tflite_interpreter import XNNPACK
from agent.core.camera.vision_spec import VisionSpec
from agent.ports import Frame
from agent.vision.app import make_sensor_sight
from agent.vision.sensor_sight import SensorReader
from agent.vision.sight import FLOOR, FindsPeople
from deploy.lab.replay import Replay
from tests.support.imx500 import WholePictures


class OnSensor(Replay):
    """The built model's boxes go through the metadata of a request, as an IMX500's tensors. One thread."""

    def __init__(self, spec: VisionSpec, frames_per_second: float, directory: Path) -> None:
        """`directory` gets a model for the sensor, whose file is never run."""
        self._pictures = WholePictures(directory)
        super().__init__(spec.model_copy(update={"delegate": XNNPACK}), frames_per_second)

    def sight(self, spec: VisionSpec) -> FindsPeople:
        """See `Replay.sight`."""
        reader = SensorReader(self._pictures.manifest, self._pictures.directory, FLOOR)
        return make_sensor_sight(spec, reader, lambda: None)

    def captured(self, pixels: Pixels, boottime_ns: int, number: int) -> Frame:
        """See `Replay.captured`."""
        return Frame(pixels, boottime_ns, number, result=self._pictures.result(pixels))
