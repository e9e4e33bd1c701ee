"""A power cut after any step leaves whole credentials, and the next run comes to its end. At any moment: `make
enrolment-cuts`."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.trust.tls_context import TlsFiles, tls_context
from tests.support.cut_enrolment import Cuts
from tests.support.fake_registrar import NAME, FakeRegistrar

pytestmark = pytest.mark.enrolment


@pytest.fixture
def cuts(tmp_path: Path, registrar: FakeRegistrar) -> Iterator[Cuts]:
    (trust := tmp_path / "trust.pem").write_text(registrar.trust)
    with Cuts(registrar.url, trust) as running:
        yield running


class Device:
    """Its state directory and its runs."""

    def __init__(self, state: Path, cuts: Cuts) -> None:
        self.state = state
        self.state.mkdir()
        self._cuts = cuts

    def run(self, what: str, cut_at: int = 0) -> list[str]:
        return self._cuts.run(what, self.state, cut_at)

    def certificate(self) -> bytes | None:
        """That in use; what is in use must be whole."""
        current = self.state / "credentials" / "current"
        if not current.exists():
            return None
        for name in (None, f"{NAME}/up/alarm"):
            tls_context(TlsFiles(current / "ca.pem", current / "device.pem", current / "device.key", name))
        assert json.loads((current / "binding.json").read_bytes())["name"] == NAME
        return (current / "device.pem").read_bytes()


def test_a_cut_after_each_step_of_enrolment_is_healed_by_the_next_run(
    tmp_path: Path, registrar: FakeRegistrar, cuts: Cuts
) -> None:
    whole = Device(tmp_path / "whole", cuts).run("enrol")
    assert whole == [
        "device.key", "request.json", "next",
        "device.pem", "issuers.pem", "ca.pem", "device.key", "binding.json", "current",
    ]  # fmt: skip

    for step in range(1, len(whole) + 1):
        registrar.keys.clear()
        device = Device(tmp_path / f"cut-{step}", cuts)
        assert device.run("enrol", step) == whole[:step]
        assert (device.certificate() is not None) == (step == len(whole))
        device.run("enrol")
        assert device.certificate() is not None


def test_a_cut_after_each_step_of_renewal_leaves_the_old_or_the_new(tmp_path: Path, cuts: Cuts) -> None:
    device = Device(tmp_path / "device", cuts)
    device.run("enrol")
    for step in itertools.count(1):
        old = device.certificate()
        steps = device.run("renew", step)
        after = device.certificate()
        assert after == old or "current" in steps
        if len(steps) < step:
            break
        device.run("renew")
        assert device.certificate() not in {None, old}

    assert steps[-2:] == ["current", "renewal.json"]
    assert step > 8
