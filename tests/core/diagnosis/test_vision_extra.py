from pathlib import Path

import pytest

from agent.core import installation
from agent.core.diagnosis.vision_extra import install_advice


@pytest.mark.parametrize(
    ("maxsize", "minor", "code", "advice"),
    [
        (2**31 - 1, 13, "/home/a/agent.py", "here are buttons only"),
        (2**31 - 1, 13, "/opt/edge-agent/agent.py", "here are buttons only"),
        (2**31 - 1, 11, "/home/a/agent.py", "its `vision` extra"),
        (2**63 - 1, 13, "/home/a/agent.py", "its `vision` extra"),
        (2**31 - 1, 11, "/opt/edge-agent/agent.py", "python3-numpy python3-opencv"),
        (2**63 - 1, 11, "/opt/edge-agent/agent.py", "--reinstall ./edge-agent_*.deb"),
    ],
)
def test_the_advice_helps_on_this_system_and_for_this_installation(
    monkeypatch: pytest.MonkeyPatch, maxsize: int, minor: int, code: str, advice: str
) -> None:
    monkeypatch.setattr(installation, "_CODE", Path(code))
    assert advice in install_advice(maxsize, minor)
