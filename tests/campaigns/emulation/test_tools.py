from pathlib import Path

import pytest

from tests.campaigns.emulation import __main__ as program
from tests.campaigns.emulation import tools


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
