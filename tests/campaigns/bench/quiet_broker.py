"""Mosquitto as a site runs it: the tests' own one logs every packet and saves its database every second."""

from pathlib import Path

from tests.support.mosquitto import Mosquitto


class QuietBroker(Mosquitto):
    """A broker on a free port that logs nothing, and says nothing at its end."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, extra=["log_type none", "autosave_interval 1800"])

    def __exit__(self, *_: object) -> None:
        self.kill()
