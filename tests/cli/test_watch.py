"""`edge-centre watch` says who is gone, and who is back; the rest of it is in tests/system/test_command_line.py."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from edge_centre.__main__ import main
from edge_centre.adapters.paho_centre import Heard
from edge_centre.library import DevicesBack, DevicesGone, Notice

SOWETO = ("/edge/gp/soweto-clinic/kiosk-1", "/edge/gp/soweto-mall/kiosk-1")
LONELY = "/edge/gp/park-station/kiosk-1"


class Hears:
    """A centre that hears one message whose brackets are nested deeper than Python reads, and one that can be read."""

    def __init__(self, *_: Any, on_heard: Callable[[Heard], None], **__: Any) -> None:
        on_heard(Heard(f"edge/v1{LONELY.removeprefix('/edge')}/up/state", b"[" * 100_000, retain=False))
        on_heard(Heard(f"edge/v1{LONELY.removeprefix('/edge')}/up/state", b"{}", retain=False))

    def __enter__(self) -> "Hears":
        return self

    def __exit__(self, *_: object) -> None: ...

    def await_connection(self) -> None: ...


class Told:
    """A centre that finds all of that at once."""

    def __init__(self, *_: Any, on_notice: Callable[[Notice], None], **__: Any) -> None:
        on_notice(DevicesGone("gp/soweto", SOWETO, of=3, heard_s=time.monotonic() - 200))
        on_notice(DevicesGone(LONELY.removeprefix("/edge/"), (LONELY,), of=1))
        on_notice(DevicesBack("gp/soweto", SOWETO[:1], left=1))
        on_notice(DevicesBack(LONELY.removeprefix("/edge/"), (LONELY,), left=0))

    def __enter__(self) -> "Told":
        return self

    def __exit__(self, *_: object) -> None: ...

    def await_connection(self) -> None: ...


def test_it_says_who_is_gone_in_one_line_each_and_who_is_back(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_centre.cli.watch.Centre", Told)
    words = ("watch", "--all", "--broker", "mqtt://127.0.0.1:1", "--seconds", "0.1")
    assert main([*words]) == 0
    suburb, lonely, *back = capsys.readouterr().out.splitlines()
    where = r"2 devices in gp/soweto: gp/soweto-clinic/kiosk-1, gp/soweto-mall/kiosk-1"
    assert re.fullmatch(rf"GONE from this broker since \d\d:\d\d:\d\d, of 3: {where}", suburb)
    assert lonely == "GONE from this broker: gp/park-station/kiosk-1"
    assert back == ["BACK gp/soweto-clinic/kiosk-1 (1 still gone)", "BACK gp/park-station/kiosk-1"]
    assert main([*words, "--json"]) == 0
    assert capsys.readouterr().out == "", "where each line is a message"


@pytest.mark.parametrize("words", [["--json"], []])
def test_a_stolen_kiosk_ends_nobodys_log_of_what_all_others_say(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_centre.cli.watch.Centre", Hears)
    assert main(["watch", "--all", "--broker", "mqtt://127.0.0.1:1", "--seconds", "0.1", *words]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
