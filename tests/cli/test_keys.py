"""Public keys that a page has made, and the key set that devices obey."""

import json
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest

from agent.contract.identity import Identity
from agent.contract.messages import ResultData
from agent.trust.jose_keys import KeyRing, PrivateKey, read_key_set, sign
from agent.trust.tls_context import TlsFiles
from edge_centre.__main__ import main
from edge_centre.adapters.paho_centre import CentreConnection
from edge_centre.cli import keys_fleet
from edge_centre.cli.target import Target
from edge_centre.key_files import make_key
from tests.support.fake_broker import Behaviour, FakeBroker, publish_header

EXAMPLES = Path(__file__).parents[2] / "deploy/centre/edge_centre/schema/examples.json"


@pytest.fixture
def key_set(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def written(directory: Path, jwk: Any) -> Path:
    path = directory / "given.jwk"
    path.write_text(jwk if isinstance(jwk, str) else json.dumps(jwk))
    return path


def add(key_set: Path, file: Path, role: str = "operator", issuer: str = "thandi") -> int:
    return main(["keys", "add", "--set", str(key_set), "--role", role, "--issuer", issuer, str(file)])


def test_what_the_holder_of_an_added_key_signs_is_obeyed(key_set: Path, tmp_path: Path) -> None:
    key = PrivateKey.generate("operator", "thandi")

    assert add(key_set, written(tmp_path, key.public().as_jwk())) == 0

    verified = KeyRing.load(key_set).verify(sign({"a": 1}, key))
    assert (verified.kid, verified.role, verified.issuer) == (key.kid, "operator", "thandi")


def test_keys_are_added_to_those_of_keygen_and_listed(
    key_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["keygen", "--out", str(tmp_path), "--role", "technician", "--issuer", "thabo"])
    added = PrivateKey.generate("operator", "thandi").public()
    add(key_set, written(tmp_path, added.as_jwk()))
    capsys.readouterr()

    assert main(["keys", "list", "--set", str(key_set)]) == 0

    first, second = (line.split() for line in capsys.readouterr().out.splitlines())
    assert first[1:] == ["technician", "thabo"]
    assert second == [added.kid, "operator", "thandi"]


def test_a_key_that_is_there_already_changes_nothing(
    key_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, PrivateKey.generate("operator", "thandi").public().as_jwk())
    add(key_set, file)
    before = key_set.stat().st_ino, key_set.read_text()

    assert add(key_set, file) == 0

    assert (key_set.stat().st_ino, key_set.read_text()) == before
    assert "already" in capsys.readouterr().out


def test_a_private_key_is_refused_and_never_shown(
    key_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jwk = PrivateKey.generate("operator", "thandi").as_jwk()

    assert add(key_set, written(tmp_path, jwk)) == 2

    printed = "".join(capsys.readouterr())
    assert "this is a private key" in printed
    assert jwk["d"] not in printed
    assert not key_set.exists()


def test_another_key_of_the_same_name_is_refused(
    key_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = PrivateKey.generate("operator", "thandi").public().as_jwk()
    second = PrivateKey.generate("operator", "thandi").public().as_jwk() | {"kid": first["kid"]}
    add(key_set, written(tmp_path, first))

    assert add(key_set, written(tmp_path, second)) == 2

    assert f"another key named {first['kid']}" in capsys.readouterr().err
    assert [key.as_jwk() for key in read_key_set(key_set)] == [first]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"role": "supervisor"}, "for the role supervisor, and not for operator"),
        ({"kid": "admin-1f3a9c07"}, "for the role admin, and not for operator"),
        ({"iss": "sipho"}, "its holder signs as sipho"),
        ({"x": "AAAA"}, "has no usable x"),
        ({"crv": "P-256"}, "is not an Ed25519 key"),
        ({"kid": "../keys"}, "has no usable kid"),
        ({"use": "enc"}, "is not for signatures"),
    ],
)
def test_a_key_that_does_not_fit_is_refused_with_the_reason(
    key_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, str], why: str
) -> None:
    jwk = PrivateKey.generate("operator", "thandi").public().as_jwk() | change

    assert add(key_set, written(tmp_path, jwk)) == 2

    told = capsys.readouterr().err
    assert why in told
    assert told.count("\n") == 1
    assert not key_set.exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [("{", "not valid JSON"), ("[]", "not a JSON object"), ('{"keys": []}', "a key set"), ("[" * 99999, "not valid")],
    ids=["cut", "list", "set", "deep"],
)
def test_a_file_that_is_no_key_is_refused_with_the_reason(
    key_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, why: str
) -> None:
    assert add(key_set, written(tmp_path, content)) == 2

    assert why in capsys.readouterr().err
    assert not key_set.exists()


def test_a_missing_file_a_missing_directory_and_a_broken_set_are_one_line_each(
    key_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(key_set, tmp_path / "none.jwk") == 2
    file = written(tmp_path, PrivateKey.generate("operator", "thandi").public().as_jwk())
    assert add(tmp_path / "none" / "keys.json", file) == 1
    key_set.write_text("{")
    assert add(key_set, file) == 2
    assert main(["keys", "list", "--set", str(tmp_path / "no.json")]) == 2

    assert len(capsys.readouterr().err.splitlines()) == 4
    assert key_set.read_text() == "{"


def test_a_stolen_kiosk_writes_nothing_on_an_admins_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    source = "/edge/kzn/durban-station/kiosk-0001"
    identity = Identity("kzn", "durban-station", "kiosk-0001")
    fleet = keys_fleet._Fleet(Target(identity, ["mqtt://127.0.0.1:1"], TlsFiles()))
    data = ResultData(command_id="c1", name="keys-set", status="failed", code="busy", text="\x1b[2Jno")
    fleet._heard, fleet._why = {source: None}, {source: data.text}

    assert fleet.print_who(7, {}) == 1
    assert r"\x1b[2Jno" in capsys.readouterr().out


def test_an_admin_who_has_sent_no_key_set_yet_is_not_told_of_a_revision_0(capsys: pytest.CaptureFixture[str]) -> None:
    fleet = keys_fleet._Fleet(Target(Identity("+", "+", "+"), ["mqtt://127.0.0.1:1"], TlsFiles()))
    fleet._heard = {"/edge/kzn/durban-station/kiosk-0001": None}
    assert fleet.print_who(0, {}) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "1 of 1 devices obey their own key files: `edge-centre keys send` has sent them none"
    )


def test_keys_send_refuses_a_set_without_an_admin_before_anything_is_sent(
    key_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(key_set, written(tmp_path, PrivateKey.generate("operator", "thandi").public().as_jwk())) == 0
    make_key("admin", tmp_path / "other")
    [key] = (tmp_path / "other").glob("*.key.json")
    sent = ["keys", "send", "--set", str(key_set), "--key", str(key), "--broker", "mqtt://127.0.0.1:1"]

    assert main(sent) == 2
    assert f"{key_set} has no admin's key" in capsys.readouterr().err


@pytest.mark.parametrize("revision", [10**15 + 1, 2**53 - 1, 2**53])
def test_an_admin_who_mistypes_a_revision_does_not_lock_the_fleet_out_of_later_key_sets(
    key_set: Path, capsys: pytest.CaptureFixture[str], revision: int
) -> None:
    key = make_key("admin", key_set.parent)
    sent = ["keys", "send", "--set", str(key_set), "--key", str(key_set.parent / f"{key.kid}.key.json")]
    assert main([*sent, "--broker", "mqtt://127.0.0.1:1", "--revision", str(revision)]) == 2
    assert f"revision {revision} leaves too few for later sets" in capsys.readouterr().err


def test_keys_are_asked_of_every_device(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "who", "--device", "kzn/durban-station/kiosk-0001", "--broker", "mqtt://127.0.0.1:1"]) == 2
    assert "leave --device out" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["send", "who"])
def test_an_admin_is_offered_no_option_that_keys_refuse(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["keys", action, "--help"])
    said = capsys.readouterr().out
    assert "--device" not in said
    assert said.partition("Example")[2].count("--broker ") == 2


def test_an_admin_waits_once_for_a_broker_that_confirms_nothing_and_not_for_each_device(
    key_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key("admin", key_set.parent)
    meta = json.loads(EXAMPLES.read_bytes())["meta"]
    sources = [f"/edge/gp/jhb-park-station/kiosk-{number}" for number in range(5)]
    told = [b"\0" + json.dumps({**meta, "source": source}).encode() for source in sources]
    flood = [
        publish_header(f"edge/v1/{source.removeprefix('/edge/')}/up/meta", len(payload)) + payload
        for source, payload in zip(sources, told, strict=True)
    ]
    patient = partialmethod(CentreConnection.publish, timeout_s=0.3)
    monkeypatch.setattr(CentreConnection, "publish", patient)
    with FakeBroker(Behaviour(puback=None, flood=flood)) as broker:
        sent = ["keys", "send", "--set", str(key_set), "--key", str(key_set.parent / f"{key.kid}.key.json")]
        assert main([*sent, "--broker", broker.url, "--timeout", "0"]) == 1
        publishes = [body for kind, body in broker.packets if kind == 3]
    said = capsys.readouterr()
    assert len(publishes) == 1
    assert "is left for 0 of 5 devices" in said.err
    assert f"{broker.url} has not confirmed the key set for 5 of 5 devices" in said.err
    assert "check that broker's log, and that --cert may write down/keys; then send again" in said.err
    assert said.out.count(f"not left at {broker.url}: ") == 5
