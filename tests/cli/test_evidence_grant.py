"""`edge-centre evidence grant`: who is answered, with what, and how much at a time."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.contract.commands import UploadUrlsArgs
from edge_centre.__main__ import main
from edge_centre.adapters.paho_centre import Heard
from edge_centre.cli.evidence_grant import Allowance, commands, wanted
from edge_centre.key_files import make_key, private_path
from edge_centre.viewing.presign import StoreKey

DEVICE = "gp/park-station/kiosk-1"
NAME = "front/2026-11-27/22/59-58.123Z.1.mp4"
LENDER = StoreKey("AKID", "secret", "t" * 900)


def heard(topic: str = f"edge/v1/{DEVICE}/up/evidence", retain: bool = False, **changes: Any) -> Heard:
    said = {
        "type": "edge.evidence.wanted.v1",
        "source": f"/edge/{DEVICE}",
        "data": {"objects": [NAME], "sizes": [1000]},
        **changes,
    }
    return Heard(topic, json.dumps(said).encode(), retain)


def test_a_device_that_asks_is_answered_for_what_it_asks() -> None:
    assert wanted(heard(), Allowance()) == (DEVICE, {NAME: 1000})


@pytest.mark.parametrize(
    "message",
    [
        heard(retain=True),
        heard(type="edge.evidence.begun.v1"),
        heard(source="/edge/gp/park-station/kiosk-2"),
        heard(topic=f"edge/v1/{DEVICE}/up/state"),
        heard(topic="edge/v1/x/up/evidence"),
        heard(data={"objects": 7}),
        heard(data={"objects": [7]}),
        heard(data={}),
        Heard(f"edge/v1/{DEVICE}/up/evidence", b"\xff", False),
        Heard(f"edge/v1/{DEVICE}/up/evidence", b"[]", False),
        Heard(f"edge/v1/{DEVICE}/up/evidence", b"[" * 100_000, False),
    ],
)
def test_what_does_not_ask_gets_nothing(message: Heard) -> None:
    assert wanted(message, Allowance()) == ("", {})


def test_no_device_chooses_an_object_outside_of_its_own() -> None:
    names = [
        "../../other/" + NAME,
        "/" + NAME,
        NAME + "?x=1",
        NAME + "\n",
        "x",
        7,
        NAME.replace("2026", "2\u066026"),
        NAME,
    ]
    sizes = [1] * len(names)
    asked = heard(data={"objects": names[:5] + names[6:], "sizes": sizes})
    assert wanted(asked, Allowance()) == (DEVICE, {NAME: 1})
    for bad in (-1, 1.5, True, "1", 65 << 20):
        assert wanted(heard(data={"objects": [NAME], "sizes": [bad]}), Allowance()) == (DEVICE, {})


def test_an_older_device_gets_no_url_that_could_overwrite_and_the_office_reads_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert wanted(heard(data={"objects": [NAME]}), Allowance()) == ("", {})
    assert f"{DEVICE}: gets no URLs, because it does not say how long its segments are" in capsys.readouterr().err


def test_an_honest_device_waits_for_no_flood_of_names() -> None:
    allowance, began_s = Allowance(), time.monotonic()
    thief = "gp/park-station/kiosk-9"
    flood = [NAME.replace(".1.", f".{number}.") for number in range(2_000)]
    data = {"objects": flood, "sizes": [1] * len(flood)}
    message = heard(f"edge/v1/{thief}/up/evidence", source=f"/edge/{thief}", data=data)
    answered = 0
    for _ in range(100):  # ten floods of 20,000
        _, names = wanted(message, allowance)
        answered += sum(1 for _ in commands("https://store.example/b", thief, names, LENDER, 900, datetime.now(UTC)))
        assert wanted(heard(), allowance) == (DEVICE, {NAME: 1000})
    assert answered < 60, "commands, each of which must be signed"
    assert time.monotonic() - began_s < 5


def test_many_urls_are_given_in_commands_that_a_device_takes() -> None:
    names = {NAME.replace(".1.", f".{number}."): 1000 for number in range(32)}
    given = list(commands("https://store.example/b", DEVICE, names, LENDER, 900, datetime.now(UTC)))
    assert [each["name"] for urls in given for each in urls] == list(names)
    assert len(given) > 1
    for urls in given:
        arguments = UploadUrlsArgs.model_validate({"urls": urls, "expires": 1})
        assert len(arguments.model_dump_json()) < 10 * 1024
        assert all(each["url"].startswith(f"https://store.example/b/{DEVICE}/{each['name']}?") for each in urls)


def test_a_bad_store_and_a_missing_key_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    made = make_key("supervisor", tmp_path / "keys")
    key = str(private_path(tmp_path / "keys", made))
    common = ["evidence", "grant", "--all", "--broker", "mqtt://127.0.0.1:1", "--key", key]
    assert main([*common, "--store", "ftp://x/y"]) == 2
    assert "--store is https://" in capsys.readouterr().err
    for bad in (
        "https://user:pw@x/y",
        "https://x:70000/y",
        "https://x:0/y",
        "https://x/y?a",
        "https://x/y#a",
        "https://[x",
    ):
        assert main([*common, "--store", bad]) == 2
        assert "without a password" in capsys.readouterr().err
    assert main([*common, "--store", "http://x/y"]) == 2
    assert "http://x/y: recordings cross the network unencrypted" in capsys.readouterr().err
    assert main([*common, "--store", "https://x/y"]) == 2
    said = capsys.readouterr().err
    assert "unencrypted" not in said
    assert "AWS_ACCESS_KEY_ID" in said
    assert main([*common, "--store", "https://x/y", "--life", "0"]) == 2
