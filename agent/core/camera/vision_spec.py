"""Everything that a camera process needs to know, as the core sends it."""

from agent.core.camera.settings import CameraSettings


class VisionSpec(CameraSettings):
    """The settings of a camera, and what its process can't know; the first line on the link: it may hold a password."""

    simulate: bool = False
    model_directories: tuple[str, ...]
    state_models: str | None = None
    """Where the agent itself can write. A model there is reported, but never runs."""
    time_zone: str = "Africa/Johannesburg"
    snapshot_directory: str
    snapshot_max_bytes: int = 100 * 1024
    memory_directory: str | None = None
    """For pictures that are read and deleted at once, in memory; None: they are written beside the others."""
    recorder_socket: str | None = None
    """Where a recorder waits for pictures; None if nothing is recorded."""
    recorded_frames_per_second: float = 12.0
    recorded_bit_rate: int = 1_200_000
    """Of what a Pi's hardware encodes."""
    delegate_given_up: str = ""
    """Why the processor is to run the model in place of the delegate; empty if the delegate may."""
    new_scene: bool = True
    """False: the camera must show what the process before this one has learned."""

    @property
    def captured_frames_per_second(self) -> float:
        """How many the camera is asked for: enough for whoever looks, and for whoever records."""
        if self.recorder_socket is None:
            return self.frames_per_second
        return max(self.frames_per_second, self.recorded_frames_per_second)
