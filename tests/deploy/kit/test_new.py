"""`deploy/province new`: made from one file, made again without harm, completed after a cut."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
import segno
from cryptography import x509

from agent.trust.evidence_keys import EvidenceKey
from agent.trust.jose_keys import read_key_set
from deploy.package.tree import PRODUCTS
from edge_centre.__main__ import main as office_program
from edge_centre.authority import Authority, new_key
from edge_centre.kit import ansible
from edge_centre.kit.__main__ import main
from edge_centre.registrar.__main__ import main as registrar
from tests.deploy.kit.conftest import Office

pytestmark = pytest.mark.enrolment

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "deploy/centre/edge_centre/kit/templates/example.toml").read_text().replace("$code", "kzn")


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_without_a_file_it_writes_an_example_and_stops_and_then_makes_the_province(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "edge_centre.kit", "new", "kzn", "--out", str(tmp_path)]
    first = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (first.returncode, [path.name for path in tmp_path.iterdir()]) == (1, ["kzn.toml"])
    assert "fill it in" in first.stdout
    second = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    assert "made       pki/offline/" in second.stdout
    assert f"lies in {tmp_path}/kzn." in second.stdout
    assert "SECRET  pki/offline" in second.stdout


def test_for_trying_out_one_machine_is_every_host_and_nothing_is_filled_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["new", "bench", "--out", str(tmp_path), "--on"]
    assert main([*words, "192.0.2.7"]) == 0
    assert main([*words, "192.0.2.7"]) == 0
    inventory = json.loads((tmp_path / "bench/ansible/inventory.yml").read_text())["all"]["children"]
    assert [list(inventory[group]["hosts"]) for group in ("brokers", "registrar")] == [["192.0.2.7"]] * 2
    assert main([*words, "192.0.2.8"]) == 1
    assert "says something else" in capsys.readouterr().err


def test_at_a_terminal_it_opens_the_example_in_an_editor_and_goes_on_when_that_was_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    for name, editor, code in (("gp", "true", 1), ("kzn", "sed -i s/203.0.113.7/203.0.113.8/", 0)):
        monkeypatch.setenv("EDITOR", editor)
        assert main(["new", name, "--out", str(tmp_path)]) == code
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["gp.toml", "kzn", "kzn.toml"]


@pytest.mark.parametrize("command", ["new", "check", "drill", "claim"])
def test_a_name_that_no_province_can_have_is_refused_before_anybody_fills_in_a_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    for name in ("KZN", "kwa zulu", "../kzn", "", "k" * 64):
        with pytest.raises(SystemExit) as ended:
            main([command, name, "--out", str(tmp_path)])
        assert ended.value.code == 2
        assert f"{name!r} is no valid province name: use lower-case letters" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_office_that_asks_how_to_make_a_claim_is_told_all_that_the_registrar_takes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        registrar(["claim", "--help"])
    taken = set(re.findall(r"--[a-z]+", capsys.readouterr().out.partition("options:")[2]))
    with pytest.raises(SystemExit):
        main(["claim", "--help"])
    said = capsys.readouterr().out
    assert taken <= {*re.findall(r"--[a-z]+", said), "--help"}
    assert "deploy/province claim kzn durban-station kiosk-0001" in said.partition("Example:")[2]
    assert main(["claim", "kzn", "--help"]) == 0, "and no host is asked for it"
    assert capsys.readouterr().out == said


@pytest.mark.parametrize("command", ["check", "drill", "claim"])
def test_before_new_it_says_that_new_comes_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, "--out", str(tmp_path), "kzn"]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/kzn.toml is not there: run deploy/province new kzn\n"


def test_others_than_the_owner_can_read_nothing_of_it(office: Office) -> None:
    assert office.new() == 0
    public = {office.out / "kzn.toml", office.out / "kzn/keys/keys.json"}
    assert {path for path in office.out.rglob("*") if path.stat().st_mode & 0o077} <= public


def test_what_the_runbook_links_to_is_there_and_in_the_offices_package(office: Office) -> None:
    office.new()
    runbook = office.out / "kzn/runbook.md"
    links = re.findall(r"\]\(([^)\s#]+)", runbook.read_text())
    linked = {(runbook.parent / link).resolve() for link in links}
    assert len(linked) > 3
    packed = [ROOT / each for each in PRODUCTS["edge-centre"].places]
    assert [
        path for path in linked if not path.is_file() or not any(path.is_relative_to(each) for each in packed)
    ] == []


def test_made_again_it_changes_not_a_byte_and_says_so(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.new()
    before = office.files()
    capsys.readouterr()
    assert office.new() == 0
    assert office.files() == before
    said = capsys.readouterr().out
    assert "  unchanged  " in said
    assert "  made  " not in said
    assert "  rewritten  " not in said


def test_cut_off_at_any_moment_it_completes_and_replaces_nothing_that_was_there(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Three quarters of the time are these two, which make the same each time.
    monkeypatch.setattr(ansible, "_program", cache(ansible._program))
    monkeypatch.setattr(segno, "make", cache(segno.make))
    office.new()
    whole, cuts = set(office.files()), 0
    while True:
        shutil.rmtree(office.out / "kzn")
        left = cuts

        def cut_off(handle: int) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt

        monkeypatch.setattr(os, "fsync", cut_off)
        try:
            office.new()
        except KeyboardInterrupt:
            cuts += 1
        else:
            break
        finally:
            monkeypatch.setattr(os, "fsync", lambda _: None)
        then = office.files()
        assert office.new() == 0
        now = office.files()
        names = {name for name in now if "key.json" not in name and not name.endswith(".crl")}
        assert names == {name for name in whole if "key.json" not in name and not name.endswith(".crl")}
        kept = {name for name in then if ".new" not in name and not name.startswith(("keys/", "registrar/keys"))}
        assert {name for name in kept if now[name] != then[name]} == set()
        known = {key.kid for key in read_key_set(office.out / "kzn/keys/keys.json")}
        assert {key.issuer for key in read_key_set(office.out / "kzn/registrar/keys.json")} == {"nomvula", "sipho"}
        assert len(known) == 2
    assert cuts > 40


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('code = "kzn"', 'code = "gp"', 4, "this file is that of gp, not of kzn"),
        ('id = "durban-station"', 'id = "Durban Station"', 9, "small letters, digits and hyphens only"),
        ('id = "durban-station"', f'id = "{"d" * 40}"', 9, "characters too long for certificates"),
        ("lat = -29.8493", "lat = -298.493", 11, "greater than or equal to -90"),
        ("lat = -29.8493", "lat = -29,8493", 11, "decimal comma"),
        ('units = ["car 3", "car 8", "station patrol"]', 'unit = ["car 3"]', 30, "unit is not a setting"),
        ('name = "b"', 'name = "a"', 21, "broker name 'a' is there twice"),
        ('host = "registrar.kzn.example"', 'host = "https://registrar"', 25, "registrar.host"),
        ('addresses = ["203.0.113.7"]', 'addresses = ["203.0.113"]', 18, "IPv4 or IPv6"),
        ('sipho = "technician"', 'sipho = "boss"', 39, "a role is one of operator, supervisor, technician, admin"),
        ('telephone = "031 000 0000"\n', "", 42, "contact.telephone is missing"),
        ('languages = ["en", "zu", "af"]', 'languages = ["en", "xh"]', 6, "'en', 'zu', 'st' or 'af'"),
    ],
)
def test_a_file_with_a_mistake_is_refused_with_its_line_and_nothing_is_made(
    office: Office, capsys: pytest.CaptureFixture[str], old: str, new: str, line: int, says: str
) -> None:
    office.change(old, new)
    assert office.new() == 1
    said = capsys.readouterr().err
    assert f"kzn.toml:{line}: " in said
    assert says in said
    assert not (office.out / "kzn").exists()


def test_roots_in_the_safe_are_missed_only_when_something_must_be_signed(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    office.new()
    offline = office.out / "kzn/pki/offline"
    offline.rename(tmp_path / "safe")
    office.change('text = "main', 'text = "the main')
    before = office.files()
    assert office.new() == 0
    assert {name for name, content in office.files().items() if before.get(name) != content} == {
        "registrar/registrar.toml",
        "signage/cctv-durban-station.html",
    }
    office.change("[registrar]", '[[broker]]\nname = "c"\nhost = "broker-c.kzn.example"\n\n[registrar]')
    capsys.readouterr()
    assert office.new() == 1
    assert f"bring {offline}/server back from the safe" in capsys.readouterr().err
    assert not offline.exists()
    (tmp_path / "safe").rename(offline)
    assert office.new() == 0
    certificate(office.out / "kzn/brokers/c/server.pem").verify_directly_issued_by(
        certificate(office.out / "kzn/pki/server-root.pem")
    )


def test_another_root_than_its_own_is_refused(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.new()
    shutil.rmtree(office.out / "kzn/pki/offline/server")
    Authority.root("server", "kzn").save(office.out / "kzn/pki/offline/server")
    assert office.new() == 1
    assert "is another root than the one that this province was made with" in capsys.readouterr().err


def test_an_issuing_authority_that_is_gone_is_never_made_anew_by_itself(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    office.new()
    shutil.rmtree(office.out / "kzn/registrar/issuing")
    assert office.new() == 1
    assert "devices depend on it" in capsys.readouterr().err
    (office.out / "kzn/pki/issuing.pem").unlink()
    assert office.new() == 0
    chain = (office.out / "kzn/brokers/a/device-ca.pem").read_bytes()
    assert chain.startswith((office.out / "kzn/registrar/issuing/ca.pem").read_bytes())
    crl = x509.load_pem_x509_crl((office.out / "kzn/brokers/a/first.crl").read_bytes())
    assert crl.is_signature_valid(certificate(office.out / "kzn/pki/issuing.pem").public_key())  # type: ignore[arg-type]


def test_a_province_that_was_made_before_pages_had_an_authority_gets_one_without_its_roots(
    office: Office, tmp_path: Path
) -> None:
    office.new()
    root = office.out / "kzn"
    shutil.rmtree(root / "registrar/page-issuing")
    shutil.rmtree(root / "pki/offline/page")
    (root / "pki/offline").rename(tmp_path / "safe")
    for path in [*root.glob("pki/page-*.pem"), *root.glob("registrar/page-*.pem")]:
        path.unlink()
    before = office.files()
    assert office.new() == 0
    now = office.files()
    assert {name: now[name] for name in before} == before
    assert certificate(root / "registrar/page-root.pem") == certificate(root / "pki/page-root.pem")
    certificate(root / "pki/page-issuing.pem").verify_directly_issued_by(certificate(root / "pki/page-root.pem"))


def test_an_issuing_authority_near_its_end_lives_on_with_its_key_so_that_no_device_enrols_anew(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edge_centre.authority.ISSUING_DAYS", 300)
    office.new()
    monkeypatch.undo()
    before, offline = office.files(), office.out / "kzn/pki/offline"
    old = Authority.load(office.out / "kzn/registrar/issuing")
    offline.rename(tmp_path / "safe")
    capsys.readouterr()
    assert office.new() == 0
    assert "registrar/issuing ends soon: bring pki/offline back" in capsys.readouterr().out
    (tmp_path / "safe").rename(offline)
    assert office.new() == 0
    now = office.files()
    assert {name for name in before if now[name] != before[name]} == {
        *("registrar/issuing/ca.pem", "pki/issuing.pem", "registrar/page-issuing/ca.pem", "pki/page-issuing.pem"),
        *(f"brokers/{name}/{file}" for name in "ab" for file in ("device-ca.pem", "first.crl")),
    }
    new = certificate(office.out / "kzn/pki/issuing.pem")
    assert new.not_valid_after_utc - datetime.now(UTC) > timedelta(days=4 * 365)
    old.device(new_key().public_key(), "kzn/durban-station/kiosk-0001").verify_directly_issued_by(new)
    assert office.new() == 0
    assert office.files() == now


def test_a_host_that_changes_its_name_keeps_its_key_and_gets_another_certificate(office: Office) -> None:
    office.new()
    before = office.files()
    office.change("broker-b.kzn.example", "b.kzn.example")
    assert office.new() == 0
    now = office.files()
    assert now["brokers/b/server.key"] == before["brokers/b/server.key"]
    names = certificate(office.out / "kzn/brokers/b/server.pem").extensions
    said = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in said] == ["b.kzn.example"]
    assert b"mqtts://b.kzn.example:8883" in now["registrar/registrar.toml"]
    assert now["brokers/a/server.pem"] == before["brokers/a/server.pem"]


def test_a_certificate_near_its_end_is_made_anew_or_asked_for_while_its_root_is_in_the_safe(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edge_centre.authority.HOST_DAYS", 30)
    office.new()
    monkeypatch.undo()
    before = office.files()
    offline = office.out / "kzn/pki/offline"
    offline.rename(tmp_path / "safe")
    capsys.readouterr()
    assert office.new() == 0
    assert "brokers/a/server.pem ends soon: bring pki/offline back" in capsys.readouterr().out
    assert office.files() == {name: content for name, content in before.items() if "offline" not in name}
    (tmp_path / "safe").rename(offline)
    assert office.new() == 0
    renewed = {name for name, content in office.files().items() if before[name] != content}
    assert renewed == {
        "brokers/a/server.pem",
        "brokers/b/server.pem",
        "registrar/server.pem",
        "centres/durban-centre/durban-centre.pem",
    }


def test_what_the_file_no_longer_has_is_named_and_left_where_it_is(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    office.new()
    office.change('\n[[broker]]\nname = "b"\nhost = "broker-b.kzn.example"\n', "")
    capsys.readouterr()
    assert office.new() == 0
    assert "left over  brokers/b: " in capsys.readouterr().out
    assert "brokers/b/server.key" in office.files()


def test_names_of_sites_and_centres_are_data_and_reach_every_file_that_needs_them(office: Office) -> None:
    office.change("[[centre]]", '[[centre]]\nid = "pinetown"\nname = "Pinetown"\nunits = ["bakkie 1"]\n\n[[centre]]')
    office.new()
    root = office.out / "kzn"
    access = (root / "brokers/a/edge-agent.acl").read_text()
    assert "user CN=pinetown\ntopic read edge/v1/kzn/+/+/up/#\n" in access
    assert "user CN=durban-centre\n" in access
    assert "example-centre" not in access
    page = json.loads((root / "control-room/control-room.json").read_text())
    assert page["units"] == ["bakkie 1", "car 3", "car 8", "station patrol"]
    assert [each["url"] for each in page["brokers"]] == [f"wss://broker-{name}.kzn.example/mqtt" for name in "ab"]
    assert page["registrar"] == {"url": "https://registrar.kzn.example", "province": "kzn"}
    registrar = tomllib.loads((root / "registrar/registrar.toml").read_text())
    assert registrar["province"] == "kzn"
    assert "centres" not in registrar  # a device that knows names counts no page of an operator
    assert [site["id"] for site in registrar["site"]] == ["durban-station"]


def test_only_its_own_page_and_its_own_hosts_are_in_the_sites_of_nginx(office: Office) -> None:
    office.new()
    site = (office.out / "kzn/brokers/a/nginx.conf").read_text()
    assert "connect-src 'self' wss://broker-b.kzn.example https://registrar.kzn.example;" in site
    assert "server_name broker-a.kzn.example;" in site
    assert "hange" not in site.replace("have changed", "")
    assert "broker-a.example" not in site


def test_recordings_are_sealed_to_the_newest_evidence_key_whose_private_half_may_be_in_the_safe(office: Office) -> None:
    office.new()
    keys = office.out / "kzn/keys"
    first = (keys / "evidence-1.pub").read_text().strip()
    assert str(EvidenceKey.load(keys / "evidence-1.key.json").public()) == first
    (keys / "evidence-1.key.json").unlink()
    office.new()
    assert told_of_recordings(office) == {"recipient": first, "max_age_days": 30}
    assert not (keys / "evidence-1.key.json").exists()
    assert office_program(["keygen", "--evidence", "--out", str(keys)]) == 0
    office.new()
    second = str(EvidenceKey.load(keys / "evidence-2.key.json").public())
    assert told_of_recordings(office) == {"recipient": second, "max_age_days": 30}


def test_a_province_that_wants_no_recordings_has_no_key_for_them_and_tells_no_device_of_one(office: Office) -> None:
    office.write(office.toml().partition("[evidence]")[0])
    assert office.new() == 0
    assert told_of_recordings(office) is None
    assert not list((office.out / "kzn/keys").glob("evidence*"))


def told_of_recordings(office: Office) -> dict[str, object] | None:
    """What the registrar tells devices."""
    text = (office.out / "kzn/registrar/registrar.toml").read_text()
    told: dict[str, object] | None = tomllib.loads(text).get("evidence")
    return told


def test_help_and_errors_of_the_office_s_package_name_a_command_that_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["--help"], ["new", "--help"], ["claim", "--help"]):
        with pytest.raises(SystemExit):
            office_program(["kit", *words])
    assert office_program(["kit", "check", "--out", str(tmp_path), "kzn"]) == 1
    said = capsys.readouterr()
    assert "edge-centre kit claim kzn durban-station kiosk-0001" in said.out
    assert said.err == f"{tmp_path}/kzn.toml is not there: run edge-centre kit new kzn\n"
    assert "deploy/province" not in said.out


def test_the_registrar_shows_its_help_without_the_libraries_of_its_server() -> None:
    code = "import sys; sys.modules.update(uvicorn=None, starlette=None); import edge_centre.__main__ as it; it.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "registrar", "--help"], capture_output=True, text=True, check=True
    )
    assert "permit one device to enrol once" in done.stdout
