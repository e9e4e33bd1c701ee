"""The agent without `--simulate`: gpiozero's own code for a Pi, above a stand-in for the library lgpio."""

import os
import subprocess
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.support.agent_process import AGENT, REPOSITORY, AgentProcess, environment
from tests.support.wait import wait_for

_STAND_IN = Path(__file__).parent / "lgpio_stand_in"


class AgentOnPins(AbstractContextManager["AgentOnPins"]):
    """A running agent on pins of which some are held by another driver; with `busy` None there is no chip."""

    def __init__(
        self, directory: Path, broker: str, busy: Sequence[int] | None, program: Sequence[str] = AGENT, **sections: Any
    ) -> None:
        self.device = AgentProcess(directory, broker, program=program, **sections)
        self._chip = directory / "chip"
        self._chip.mkdir()
        os.mkfifo(self._chip / "edges")
        if busy is not None:
            (self._chip / "busy").write_text(" ".join(map(str, busy)))
        self._log = directory / "agent.log"

    def __enter__(self) -> "AgentOnPins":
        path = os.pathsep.join([str(_STAND_IN), str(REPOSITORY)])
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.device.program, "run", "--config", str(self.device.config)],
                cwd=REPOSITORY,
                env=environment({"PYTHONPATH": path, "LGPIO_STAND_IN": str(self._chip)}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        finally:
            self.process.kill()
            self.process.wait()
            print(f"--- log of the agent\n{self.log()}")

    def press(self, pin: int) -> None:
        """Close and open the contact at a pin."""
        with (self._chip / "edges").open("w") as edges:
            edges.write(f"{pin} 0\n{pin} 1\n")

    def wait_for_light(self, pin: int, level: int) -> None:
        """Wait until an output is driven so."""
        place = self._chip / f"out-{pin}"
        wait_for(lambda: place.exists() and place.read_text() == str(level), what=f"pin {pin} at {level}")

    def log(self) -> str:
        """All that it has written so far."""
        return self._log.read_text(errors="replace")
