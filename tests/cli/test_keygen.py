import json
import os
import stat
from pathlib import Path

import pytest

from agent.trust.evidence_keys import EvidenceKey, Recipient
from agent.trust.jose_keys import KeyRing, PrivateKey, read_key_set, sign
from edge_centre.__main__ import main


def keygen(out: Path, *more: str) -> int:
    return main(["keygen", "--out", str(out), *more])


def test_the_two_files_fit_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "keys"

    assert keygen(out, "--role", "technician", "--issuer", "thabo") == 0

    (private,) = out.glob("*.key.json")
    verified = KeyRing.load(out / "keys.json").verify(sign({"a": 1}, PrivateKey.load(private)))
    assert (verified.role, verified.issuer, verified.claims) == ("technician", "thabo", {"a": 1})
    assert private.name == f"{verified.kid}.key.json"
    printed = capsys.readouterr().out
    assert str(private) in printed
    assert json.loads(private.read_text())["d"] not in printed


def test_only_the_owner_may_read_the_private_file(tmp_path: Path) -> None:
    keygen(tmp_path, "--role", "operator")

    (private,) = tmp_path.glob("*.key.json")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o644
    assert len(list(tmp_path.iterdir())) == 2


def test_the_key_set_s_name_is_on_the_disk_when_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def fsync(number: int) -> None:
        if stat.S_ISDIR(os.fstat(number).st_mode):
            seen.append(sorted(os.listdir(number)))

    monkeypatch.setattr(os, "fsync", fsync)
    keygen(tmp_path, "--role", "operator")
    assert seen[-1:] == [sorted(path.name for path in tmp_path.iterdir())]


def test_further_keys_are_added_to_the_set(tmp_path: Path) -> None:
    keygen(tmp_path, "--role", "operator")
    keygen(tmp_path, "--role", "admin")

    keys = read_key_set(tmp_path / "keys.json")
    assert [key.role for key in keys] == ["operator", "admin"]
    assert "d" not in (tmp_path / "keys.json").read_text().split('"')


def test_a_key_set_that_is_broken_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "keys.json").write_text("{")

    assert keygen(tmp_path, "--role", "operator") == 2

    assert (tmp_path / "keys.json").read_text() == "{"
    assert [p.name for p in tmp_path.iterdir()] == ["keys.json"]
    assert "keys.json" in capsys.readouterr().err


def test_a_name_that_is_none_is_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert keygen(tmp_path, "--role", "operator", "--issuer", "a b") == 2

    assert "--issuer" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_directory_that_can_not_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()

    assert keygen(tmp_path / "file" / "keys", "--role", "operator") == 1

    assert capsys.readouterr().err.count("\n") == 1


def test_an_evidence_key_is_made_beside_the_older_ones_and_devices_get_its_public_half(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        assert main(["keygen", "--evidence", "--out", str(tmp_path)]) == 0
        path = tmp_path / f"evidence-{number}.key.json"
        assert path.stat().st_mode & 0o777 == 0o600
        line = capsys.readouterr().out.splitlines()[-1]
        recipient = Recipient.parse(line.split('"')[1])
        assert recipient == EvidenceKey.load(path).public()
        assert json.loads(path.read_text())["d"] not in line
