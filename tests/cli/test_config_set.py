"""What `edge-centre command` refuses to sign for two persons or to leave, and what it writes without a broker."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from agent.core.errors import SettingsError, UsageError
from agent.trust.jose_keys import PrivateKey
from edge_centre.__main__ import PROGRAM
from edge_centre.key_files import make_key
from edge_centre.library.config import check_second
from tests.support.agent_process import SOURCE, USER

DEVICE = ("--device", USER)
ORDER = ("config-set", "revision=7", 'changes={"health": {"interval_s": 30}}')
KEYS = [PrivateKey.generate("admin", "zanele").public().as_jwk()]


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    return {role: tmp_path / f"{make_key(role, tmp_path).kid}.key.json" for role in ("admin", "supervisor", "operator")}


def run(*words: object) -> int:
    args: argparse.Namespace = PROGRAM.whole_parser().parse_args(["command", *map(str, words)])
    return int(args.run(args))


@pytest.mark.parametrize(
    ("order", "args"),
    [
        (ORDER, {"revision": 7, "changes": {"health": {"interval_s": 30}}}),
        (("keys-set", "revision=3", f"keys={json.dumps(KEYS)}"), {"revision": 3, "keys": KEYS}),
    ],
    ids=["settings", "keys"],
)
def test_the_second_signer_needs_no_broker_and_the_first_sees_what_to_do(
    keys: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    order: tuple[str, ...],
    args: dict[str, Any],
) -> None:
    out = tmp_path / "second.jwt"
    assert run(*DEVICE, *order, "--key", keys["supervisor"], "--co-sign", out) == 0
    said = capsys.readouterr().out
    assert f"{order[0]}, revision {args['revision']}, for {SOURCE}, signed by supervisor-" in said
    assert f"--second {out}" in said
    check_second(out.read_text().strip(), SOURCE, order[0], args, PrivateKey.load(keys["admin"]))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ping", "--retain"), "--retain works with config-set and keys-set only"),
        (("ping", "--clear"), "--clear works with config-set and keys-set only"),
        (("ping", "--co-sign", "F"), "--co-sign works with config-set and keys-set only"),
        (("ping", "--second", "F"), "--second works with config-set and keys-set only"),
        ((*ORDER, "--clear"), "--clear takes no arguments"),
        (("config-set", "--clear", "--second", "F"), "--second goes with what is sent"),
        (ORDER, "give --key"),
    ],
)
def test_options_that_can_not_be_meant_are_refused(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        run(*DEVICE, "--broker", "mqtt://127.0.0.1:1", *words)


@pytest.mark.parametrize("way", [(), ("--retain",), ("--co-sign", "never.jwt")], ids=["sent", "retained", "co-signed"])
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("config-set", "revision=7"), "changes is missing"),
        (("config-set", "revision=seven", "changes={}"), "revision must be"),
        (("config-set", "revision=0", "changes={}"), "revision must be"),
        (("config-set", "revision=7", "changes={}", "chnages={}"), "chnages is not known here"),
        (("config-set", "revision=7", 'changes={"alarm": {"delayed_after_s": 5}}'), "can't be changed .*: alarm;"),
        (("config-set", "revision=7", 'changes={"health": {"intervall_s": 5}}'), "health.intervall_s"),
    ],
)
def test_what_the_device_would_refuse_is_refused_here(
    keys: dict[str, Path], way: tuple[str, ...], words: tuple[str, ...], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        run(*DEVICE, "--broker", "mqtt://127.0.0.1:1", *words, "--key", keys["admin"], *way)


@pytest.mark.parametrize(
    "words", [("ping", "x=1"), ("identify", "seconds=61"), ("replay",), ("test-mode", "seconds=x")]
)
def test_the_arguments_of_every_command_are_checked_before_it_is_signed(
    keys: dict[str, Path], words: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError):
        run(*DEVICE, "--broker", "mqtt://127.0.0.1:1", *words, "--key", keys["admin"])


def test_a_second_signature_that_does_not_fit_is_refused_here(keys: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "second.jwt"
    order = (*DEVICE, "--broker", "mqtt://127.0.0.1:1", *ORDER, "--key", keys["admin"])
    run(*DEVICE, "config-set", "revision=8", "changes={}", "--key", keys["supervisor"], "--co-sign", out)
    for second, says in (
        (out, "has signed something else"),
        (keys["operator"], "an admin or a supervisor"),
        (keys["admin"], "it takes two persons"),
        (tmp_path / "keys.json", "it holds no private key"),
        (tmp_path / "none.jwt", "no such file"),
    ):
        with pytest.raises((UsageError, SettingsError), match=says):
            run(*order, "--second", second)
