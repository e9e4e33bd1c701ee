"""`edge-centre report` in the office: one line for each thing, an exit code, a page and a PDF."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from agent.contract.envelope import rfc3339
from agent.trust.jose_keys import PrivateKey
from edge_centre.__main__ import main
from edge_centre.authority import Authority, new_key, write_certificates, write_key
from edge_centre.cli import report as command
from edge_centre.kit.__main__ import main as kit
from edge_centre.kit.workshop import filled
from tests.support.certificates import CertificateFiles
from tests.support.commissioning import ENDED, FIRST, SECOND, USER, Office


@pytest.fixture
def file(office: Office, tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_bytes(office.sealed().content())
    return path


def trust(office: Office) -> list[str]:
    return ["--device-ca", str(office.devices.ca), "--keys", str(office.keys)]


def altered(file: Path) -> Path:
    whole = json.loads(file.read_bytes())
    whole["report"]["steps"][1]["figures"][0]["value"] = 5
    file.write_text(json.dumps(whole))
    return file


def test_verify_says_in_a_line_each_what_holds(office: Office, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    revoked = office.devices.revocation_list()
    assert main(["report", "verify", str(file), *trust(office), "--revoked", str(revoked), "--device", USER]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["holds"] * 4 + [f"{USER}, {rfc3339(ENDED)[:13]}"]
    assert lines[-1] == f"{USER}, {rfc3339(ENDED)}: incomplete (3 passed, 1 left out)"


def test_verify_names_what_was_altered(office: Office, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "verify", str(altered(file)), *trust(office)]) == 1
    assert "NOT SO: /report/steps/1/figures/0/value was altered" in capsys.readouterr().out.splitlines()


def test_an_office_whose_check_fails_is_told_what_to_do_next_once_for_each_way(
    office: Office, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = tmp_path / "keys.json"
    replace(office, keys=keys).knows()
    words = ["--device-ca", str(office.devices.ca), "--keys", str(keys), "--device", "gp/jhb-park-station/kiosk-0007"]
    assert main(["report", "verify", str(altered(file)), *words]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in lines if line.startswith("Next: ")] == [
        "Next: take the device's own file",
        "Next: if the key is new",
        "Next: give the file of gp/jhb-park-station/kiosk-0007",
    ]
    assert sum(line.startswith("NOT SO: ") for line in lines) == 3
    assert lines[-1].startswith("Next: ")


def test_verify_knows_the_report_before(office: Office, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newer = file.with_name("newer.json")
    newer.write_bytes(office.sealed(office.report(id=SECOND)).content())
    assert main(["report", "verify", str(file), *trust(office), "--after", str(newer)]) == 1
    assert "NOT SO: an old report given as new" in capsys.readouterr().out
    assert main(["report", "verify", str(file), *trust(office), "--after", str(altered(newer))]) == 2
    assert "newer.json: /report/steps/1/figures/0/value was altered" in capsys.readouterr().err


def test_what_is_no_report_ends_with_one_line(office: Office, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(file.read_bytes()[:1000])
    assert main(["report", "verify", str(file), *trust(office)]) == 1
    assert capsys.readouterr().err == (
        f"edge-centre: {file}: this is no whole report: it was cut short; copy it again from the device, where it is"
        " /var/lib/edge-agent/commissioning/report.json\n"
    )
    assert main(["report", "verify", str(file.with_name("none")), *trust(office)]) == 2
    assert "can't be read: no such file" in capsys.readouterr().err


def test_what_somebody_else_has_written_can_not_act_on_the_terminal(
    office: Office, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = json.loads(file.read_bytes())
    whole["report"]["\x1b]0;owned\x07"] = "x"
    whole["\x1b[2J"] = 1
    file.write_text(json.dumps(whole))
    assert main(["report", "verify", str(file), *trust(office)]) == 1
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert "/report/?]0;owned? was added" in said.out


def test_render_makes_a_page_and_a_pdf(office: Office, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = file.with_name("reports")
    assert main(["report", "render", str(file), "--out", str(out), *trust(office)]) == 0
    page, pdf = map(Path, capsys.readouterr().out.splitlines())
    assert page.name == f"gp-jhb-park-station-kiosk-0042-{rfc3339(ENDED)[:10]}-{FIRST[-8:]}.html"
    assert sorted(each.suffix for each in out.iterdir()) == [".html", ".pdf"]
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert "Revocation was not checked." in page.read_text()


def test_render_without_the_offices_files_says_that_nobody_has_checked(
    office: Office, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "find_browser", lambda: None)
    assert main(["report", "render", str(file), "--out", str(file.with_name("a"))]) == 0
    page, sentence = capsys.readouterr().out.splitlines()
    assert sentence == "No PDF: Chromium is not on this machine. Open the page in a browser, and print it to a file."
    assert "Nobody has checked who signed this" in Path(page).read_text()
    assert main(["report", "render", str(file), "--out", str(file.with_name("a")), "--keys", str(office.keys)]) == 2
    assert "a check needs both" in capsys.readouterr().err


def test_render_of_an_altered_report_makes_a_page_that_says_so(
    office: Office, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "find_browser", lambda: None)
    assert main(["report", "render", str(altered(file)), "--out", str(file.with_name("b"))]) == 1
    page = Path(capsys.readouterr().out.splitlines()[0])
    assert "/report/steps/1/figures/0/value was altered" in page.read_text()


def test_a_browser_that_fails_costs_the_pdf_alone(
    office: Office, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "find_browser", lambda: "false")
    assert main(["report", "render", str(file), "--out", str(file.with_name("c"))]) == 0
    page, sentence = capsys.readouterr().out.splitlines()
    assert Path(page).exists()
    assert sentence.startswith("No PDF: false has failed (CalledProcessError).")


# --- a province as the kit makes it


@pytest.fixture(scope="module")
def provinces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the provinces kzn and gp."""
    out = tmp_path_factory.mktemp("desk") / "provinces"
    out.mkdir()
    for code in ("kzn", "gp"):
        (out / f"{code}.toml").write_text(filled("example.toml", code=code), encoding="utf-8")
        assert kit(["new", code, "--out", str(out)]) == 0
    return out


def of_the_province(root: Path, directory: Path, *, enrolled: bool = True) -> Path:
    """A genuine report of a device that this province has let in; unless `enrolled` by an older version, which kept no
    authority beside the certificate."""
    directory.mkdir()
    user = f"{root.name}/durban-station/kiosk-0042"
    key, issuing = new_key(), Authority.load(root / "registrar/issuing")
    files = CertificateFiles(directory / "ca.pem", directory / "device.pem", directory / "device.key")
    write_certificates(files.cert, issuing.device(key.public_key(), user))
    write_key(files.key, key)
    if enrolled:
        write_certificates(directory / "issuers.pem", issuing.certificate)
    [technician] = (root / "keys").glob("technician-*.key.json")
    walker = PrivateKey.load(technician)
    desk = replace(Office.create(directory / "desk"), technician=walker)
    path = directory / "report.json"
    path.write_bytes(desk.sealed(desk.report(user=user), files).content())
    return path


def test_the_office_verifies_by_the_name_of_its_province_alone(
    provinces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = of_the_province(provinces / "kzn", tmp_path / "ours")
    older = of_the_province(provinces / "kzn", tmp_path / "older", enrolled=False)
    theirs = of_the_province(provinces / "gp", tmp_path / "theirs")
    monkeypatch.chdir(provinces.parent)
    for genuine in (ours, older):
        assert main(["report", "verify", str(genuine), "--province", "kzn"]) == 0
        said = capsys.readouterr().out
        assert "not checked: whether the device has been revoked (--revoked FILE)" in said.splitlines()
    assert main(["report", "verify", str(theirs), "--province", "kzn"]) == 1
    assert "NOT SO: signed by a stranger (/signed/signatures/0): " in capsys.readouterr().out
    assert main(["report", "verify", str(theirs), "--province", str(provinces / "gp")]) == 0


def test_an_office_that_has_only_the_root_of_devices_is_not_told_that_its_own_kiosk_is_a_stranger(
    provinces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = provinces / "kzn"
    trust = ["--device-ca", str(root / "pki/device-root.pem"), "--keys", str(root / "keys/keys.json")]
    assert main(["report", "verify", str(of_the_province(root, tmp_path / "ours")), *trust]) == 0
    theirs = of_the_province(provinces / "gp", tmp_path / "theirs")
    assert main(["report", "verify", str(theirs), *trust]) == 1
    assert "NOT SO: signed by a stranger (/signed/signatures/0): " in capsys.readouterr().out
    older = of_the_province(root, tmp_path / "older", enrolled=False)
    assert main(["report", "verify", str(older), *trust]) == 1
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("NOT SO")]
    assert line.startswith('NOT SO: nobody can tell whether kzn/durban-station/kiosk-0042 is ours: its authority, "')
    assert line.endswith("give the certificate of the issuing authority too")


def test_whoever_has_stolen_the_issuing_authority_makes_no_report_that_the_office_believes_once_it_is_replaced(
    provinces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "provinces"
    shutil.copytree(provinces, out)
    thiefs = of_the_province(out / "kzn", tmp_path / "thief")
    assert main(["report", "verify", str(thiefs), "--province", str(out / "kzn")]) == 0
    shutil.rmtree(out / "kzn/registrar/issuing")
    (out / "kzn/pki/issuing.pem").unlink()
    assert kit(["new", "kzn", "--out", str(out)]) == 0
    capsys.readouterr()
    assert main(["report", "verify", str(thiefs), "--province", str(out / "kzn")]) == 1
    assert "NOT SO: the device's certificate does not hold any more: " in capsys.readouterr().out


def test_an_office_without_its_province_is_told_what_is_missing_and_what_to_do(
    provinces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = of_the_province(provinces / "kzn", tmp_path / "ours")
    monkeypatch.chdir(tmp_path)
    assert main(["report", "verify", str(report), "--province", "kzn"]) == 2
    assert (
        "there is no provinces/kzn here: run this in the directory where you ran `deploy/province new`"
        in capsys.readouterr().err
    )
    shutil.copytree(provinces / "kzn", tmp_path / "provinces/kzn")
    (tmp_path / "provinces/kzn/keys/keys.json").unlink()
    assert main(["report", "verify", str(report), "--province", "kzn"]) == 2
    said = capsys.readouterr().err
    assert (
        "provinces/kzn/keys/keys.json: can't be read: no such file or directory. Run `deploy/province new kzn`" in said
    )
    assert main(["report", "verify", str(report)]) == 2
    assert "give --province CODE, or both --device-ca FILE" in capsys.readouterr().err


def test_a_file_in_the_place_of_another_is_named_with_what_belongs_there(
    office: Office, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ("--keys", str(office.keys))
    assert main(["report", "verify", str(file), "--device-ca", str(office.keys), *keys]) == 2
    assert "holds no certificate in PEM form: give the province's pki/device-root.pem" in capsys.readouterr().err
    assert main(["report", "verify", str(file), *trust(office), "--revoked", str(office.devices.ca)]) == 2
    assert "holds no list of revoked devices in PEM form" in capsys.readouterr().err
