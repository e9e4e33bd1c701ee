import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.campaigns.emulation import __main__ as program
from tests.campaigns.emulation import tools
from tests.campaigns.emulation.architecture import ARM64


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would have been installed; nothing can be."""
    calls: list[list[str]] = []

    def run(command: list[Any], **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append([str(each) for each in command])
        return subprocess.CompletedProcess(command, 1, "", "E: Unable to locate package\n")

    monkeypatch.setattr("tests.campaigns.emulation.tools.subprocess.run", run)
    return calls


def missing(monkeypatch: pytest.MonkeyPatch, *programs: str) -> None:
    monkeypatch.setattr(
        "tests.campaigns.emulation.tools.shutil.which",
        lambda name, **_: None if name in programs else f"/usr/bin/{name}",
    )


def test_nothing_is_asked_for_where_everything_is(monkeypatch: pytest.MonkeyPatch, asked: list[list[str]]) -> None:
    missing(monkeypatch)
    tools.ensure(ARM64)

    assert asked == []


def test_what_is_missing_is_installed_by_its_package(monkeypatch: pytest.MonkeyPatch, asked: list[list[str]]) -> None:
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    missing(monkeypatch, "qemu-system-aarch64", "dtc", keyring)
    with pytest.raises(tools.MissingError) as error:
        tools.ensure(ARM64)

    assert asked[0][1:] == ["qemu-system-arm", "debian-archive-keyring", "device-tree-compiler"]
    assert f"without qemu-system-aarch64, {keyring}, dtc." in str(error.value)
    assert "Install qemu-system-arm debian-archive-keyring device-tree-compiler and try again." in str(error.value)
    assert "E: Unable to locate package" in str(error.value)


@pytest.mark.parametrize(("arguments", "code", "word"), [([], 1, ""), (["--if-possible"], 0, "SKIPPED: ")])
def test_a_day_that_can_not_be_played_says_so_and_is_a_success_only_where_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    code: int,
    word: str,
) -> None:
    def ensure(*_: object) -> None:
        raise tools.MissingError("no machine can be emulated here")

    monkeypatch.setattr("tests.campaigns.emulation.tools.ensure", ensure)

    assert program.main([*arguments, "--json", str(tmp_path / "emulation.json")]) == code
    assert capsys.readouterr().out.startswith(f"{word}no machine can be emulated here")
    assert not (tmp_path / "emulation.json").exists()


def test_a_step_is_played_after_the_installation_and_in_the_order_of_the_day() -> None:
    args = program._parser().parse_args(["--only", "doctor", "presses"])

    assert args.only == ["installation", "presses", "doctor"]


def test_enrolment_is_no_part_of_the_day_and_needs_none() -> None:
    parser = program._parser()

    assert "enrolment" not in parser.parse_args([]).only
    assert parser.parse_args(["--only", "enrolment"]).only == ["enrolment"]
