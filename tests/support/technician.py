"""A technician in front of `edge-agent commission`."""

import subprocess
import threading
from contextlib import AbstractContextManager
from pathlib import Path

from tests.support.agent_process import AGENT, REPOSITORY, AgentProcess, environment
from tests.support.wait import PATIENCE_S, wait_for


class Technician(AbstractContextManager["Technician"]):
    """Types answers, and reads what the terminal says."""

    def __init__(self, agent: AgentProcess, key: Path) -> None:
        self._command = [*AGENT, "commission", "--config", str(agent.config), "--key", str(key)]
        self._said: list[str] = []
        self._read_to = 0

    def __enter__(self) -> "Technician":
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            self._command,
            cwd=REPOSITORY,
            env=environment({}),
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        print("--- the terminal", *self._said, sep="\n")

    def _read(self) -> None:
        assert self.process.stdout is not None
        self._said.extend(line.rstrip("\n") for line in iter(self.process.stdout.readline, ""))

    def types(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def sees(self, *words: str) -> None:
        """Wait for a line that was not looked at yet and has all these words."""

        def found() -> bool:
            for number in range(self._read_to, len(self._said)):
                if all(word in self._said[number] for word in words):
                    self._read_to = number + 1
                    return True
            return False

        wait_for(found, what=f"{words} at the terminal, which says {self._said[self._read_to :]}")
