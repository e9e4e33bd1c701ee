"""A power cut after any step leaves whole credentials, and the next run comes to its end. At any moment: `make
enrolment-cuts`."""

import itertools
import json
from pathlib import Path

import pytest

from agent.trust.tls_context import TlsFiles, tls_context
from tests.support.cut_enrolment import run
from tests.support.fake_registrar import NAME, FakeRegistrar

pytestmark = pytest.mark.enrolment


class Device:
    """Its state directory and its runs."""

    def __init__(self, directory: Path, registrar: FakeRegistrar) -> None:
        self.state = directory
        self.state.mkdir()
        self._registrar = registrar
        self._trust = directory.parent / "trust.pem"
        self._trust.write_text(registrar.trust)

    def run(self, what: str, cut_at: int = 0) -> list[str]:
        return run(what, self.state, self._registrar.url, self._trust, cut_at)

    def certificate(self) -> bytes | None:
        """That in use; what is in use must be whole."""
        current = self.state / "credentials" / "current"
        if not current.exists():
            return None
        for name in (None, f"{NAME}/up/alarm"):
            tls_context(TlsFiles(current / "ca.pem", current / "device.pem", current / "device.key", name))
        assert json.loads((current / "binding.json").read_bytes())["name"] == NAME
        return (current / "device.pem").read_bytes()


def test_a_cut_after_each_step_of_enrolment_is_healed_by_the_next_run(tmp_path: Path, registrar: FakeRegistrar) -> None:
    whole = Device(tmp_path / "whole", registrar).run("enrol")
    assert whole == [
        "device.key", "request.json", "next",
        "device.pem", "issuers.pem", "ca.pem", "device.key", "binding.json", "current",
    ]  # fmt: skip

    for step in range(1, len(whole) + 1):
        registrar.keys.clear()
        device = Device(tmp_path / f"cut-{step}", registrar)
        assert device.run("enrol", step) == whole[:step]
        assert (device.certificate() is not None) == (step == len(whole))
        device.run("enrol")
        assert device.certificate() is not None


def test_a_cut_after_each_step_of_renewal_leaves_the_old_or_the_new(tmp_path: Path, registrar: FakeRegistrar) -> None:
    device = Device(tmp_path / "device", registrar)
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
