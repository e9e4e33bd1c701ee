"""A province with its evidence key, and cameras of its devices."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.trust.evidence_keys import EvidenceKey
from tests.support.certificates import Authority
from tests.support.made_up_clips import CAMERA, Recording

Make = Callable[..., Recording]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    authority, key = Authority(tmp_path / "ca"), EvidenceKey.generate("evidence-1")

    def recording(name: str = "card", **options: object) -> Recording:
        return Recording(tmp_path / name / CAMERA, authority, key, **options)  # type: ignore[arg-type]

    return recording


@pytest.fixture
def recording(make: Make) -> Recording:
    return make()
