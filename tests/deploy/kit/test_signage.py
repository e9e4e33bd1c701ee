"""What hangs on walls: in the province's name and languages, and a draft until a lawyer has checked it."""

import html
import os
import re
import shlex
from pathlib import Path

import pytest
import segno
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.__main__ import PROGRAM
from agent.trust.claim import Claim, read, whole_name
from edge_centre.kit.__main__ import main
from tests.deploy.kit.conftest import Office

pytestmark = pytest.mark.enrolment


@pytest.fixture
def signs(office: Office) -> Path:
    office.change(
        "[[broker]]                     #",
        '[[site]]\nid = "umlazi"\nname = "Umlazi <V>"\nlat = -29\nlon = 30\n\n[[broker]] #',
    )
    assert office.new() == 0
    return office.out / "kzn/signage"


def test_each_site_has_a_sign_of_its_own_that_says_whose_cameras_these_are_and_whom_to_ask(signs: Path) -> None:
    assert {path.name for path in signs.glob("cctv-*")} == {"cctv-durban-station.html", "cctv-umlazi.html"}
    sign = (signs / "cctv-durban-station.html").read_text()
    for said in (
        "Durban Station, main entrance",
        "KwaZulu-Natal Department of Community Safety",
        "deletes pictures after 30 days",
        "N. Example, information officer",
        "031 000 0000",
    ):
        assert said in sign
    assert "Umlazi &lt;V&gt;" in (signs / "cctv-umlazi.html").read_text()


def test_the_notice_says_what_section_18_asks_for(signs: Path) -> None:
    notice = (signs / "popia.html").read_text()
    for said in (
        "KwaZulu-Natal Department of Community Safety, 1 Example Street",
        "to protect people at this place",
        "Must you give it",
        "Who receives it",
        "Durban command centre",
        "leaves South Africa",
        "section 23",
        "section 24",
        "section 11(3)",
        "POPIAComplaints@inforegulator.org.za",
        "Umlazi &lt;V&gt;",
    ):
        assert said in notice


def test_signs_say_what_is_recorded_and_where_nothing_is_they_say_that(office: Office, signs: Path) -> None:
    office.change("kept_days = 30                 # after which the device", "kept_days = 21 #")
    assert office.new() == 0
    notice, sign = ((signs / name).read_text() for name in ("popia.html", "cctv-umlazi.html"))
    assert "record video, and record no sound" in sign
    for text in (notice, sign):
        assert "deletes a recording after 21 days, unless it is held" in text
    assert "from some seconds before" in notice
    office.change("# upload_hosts", "upload_hosts")
    assert office.new() == 0
    assert 'upload_hosts = ["store.kzn.example"]' in (office.out / "kzn/registrar/registrar.toml").read_text()
    notice, sign = ((signs / name).read_text() for name in ("popia.html", "cctv-umlazi.html"))
    for text in (notice, sign):
        assert "(store.kzn.example)" in text
        assert "whoever runs that store could" in text
    office.write(office.toml().partition("[evidence]")[0])
    office.new()
    notice, sign = ((signs / name).read_text() for name in ("popia.html", "cctv-umlazi.html"))
    assert "Nothing is recorded" in sign
    assert "recording" not in notice
    assert "video" not in notice


def test_signs_are_drafts_with_marked_sentences_until_a_lawyer_has_checked_them(office: Office, signs: Path) -> None:
    for name in ("popia.html", "cctv-umlazi.html"):
        text = (signs / name).read_text()
        assert "DRAFT" in text
        assert text.count(">§<") >= 4
    office.change('checked_by = ""', 'checked_by = "A. Lawyer"')
    office.new()
    for name in ("popia.html", "cctv-umlazi.html"):
        text = (signs / name).read_text()
        assert "DRAFT" not in text
        assert "§" not in text


def test_the_poster_speaks_the_languages_of_the_province_and_no_other(signs: Path) -> None:
    poster = (signs / "lamps-poster.svg").read_text()
    assert "isiZulu" in poster
    assert "Afrikaans" in poster
    assert "Sesotho" not in poster


def test_a_phone_reads_from_the_invitation_where_the_registrar_is_and_whom_to_trust(signs: Path) -> None:
    page = (signs / "invitation.html").read_text()
    text = page.partition('<div class="text">')[2].partition("<")[0]
    found = read(text)
    assert not isinstance(found, Claim)
    assert found.registrar == "https://registrar.kzn.example"
    root = x509.load_pem_x509_certificate((signs.parent / "pki/server-root.pem").read_bytes())
    assert found.root_der == root.public_bytes(Encoding.DER)
    assert segno.make(text, error="l", micro=False).svg_inline(omitsize=True) in page


def test_the_page_for_the_pavement_has_the_offices_number_and_nothing_wider_than_a_phone(signs: Path) -> None:
    page = (signs / "on-the-pavement.html").read_text()
    text = page.partition("<main>")[2].partition("</main>")[0]
    assert text.count("<b>031 000 0000</b>") + text.count("<strong>031 000 0000</strong>") == 2
    assert "your office gave you" not in text
    assert "<a " not in text
    assert max(map(len, re.findall(r"[^<>\s]+", text))) <= 30, "a word of 34 letters is wider than 390 px"
    assert [row for row in re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL) if row.count("<t") > 2] == []


@pytest.fixture
def registrar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What its host prints, which `ssh` brings."""
    printed, program = tmp_path / "printed", tmp_path / "bin/ssh"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat >/dev/null\ncat {printed}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return printed


def test_a_technician_is_given_one_slip_with_all_that_must_be_compared_at_the_kiosk(
    office: Office, signs: Path, registrar: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = read((signs / "invitation.html").read_text().partition('<div class="text">')[2].partition("<")[0])
    made = Claim(
        **given.model_dump(),
        name="kzn/durban-station/kiosk-0001",
        secret="s" * 22,
        until=2_000_000_000,
        board="10000000abcdef01",
        service_code="12345678",
    )
    registrar.write_text(f"{made.text()}\n")
    capsys.readouterr()
    words = ["claim", "--out", str(office.out), "kzn", "durban-station", "kiosk-0001", "--place", "Platform <3>"]
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.out == f"{made.text()}\n", "nothing but the claim goes onto the card"
    path = office.out / "kzn/slips/durban-station-kiosk-0001.html"
    assert said.err == f"The technician's slip: {path}. Print it from a browser, and keep it like a key.\n"
    assert path.stat().st_mode & 0o077 == 0
    slip = path.read_text()
    for what in (
        "kzn/durban-station/kiosk-0001",
        "1234 5678",
        "10000000abcdef01",
        "031 000 0000",
        "Platform &lt;3&gt;",
    ):
        assert what in slip
    assert segno.make("https://kiosk-0001.local:8443", error="m", micro=False).svg_inline(omitsize=True) in slip
    assert made.secret not in slip
    assert made.text() not in slip

    newer = made.model_copy(update={"service_code": "87654321", "board": None})
    registrar.write_text(f"{newer.text()}\n")
    assert main(words) == 0
    assert "8765 4321" in path.read_text(), "the slip of the claim that counts"
    registrar.write_text("claim.txt: copy it to the card's boot partition as edge-agent.claim.\n")
    assert main(words) == 0


def test_a_claim_is_not_lost_where_no_slip_can_be_written(
    office: Office, signs: Path, registrar: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = read((signs / "invitation.html").read_text().partition('<div class="text">')[2].partition("<")[0])
    name = "kzn/durban-station/kiosk-0001"
    made = Claim(**given.model_dump(), name=name, secret="s" * 22, until=2_000_000_000)
    registrar.write_text(f"{made.text()}\n")
    (office.out / "kzn/slips").write_text("in the way")
    capsys.readouterr()
    assert main(["claim", "--out", str(office.out), "kzn", "durban-station", "kiosk-0001"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{made.text()}\n"
    assert "Can't make the technician's slip (" in said.err


def test_what_technicians_are_told_to_type_is_what_a_device_understands(signs: Path) -> None:
    files = (signs / "invitation.html", signs.parent / "runbook.md")
    told = html.unescape("".join(path.read_text() for path in files))
    commands = re.findall(r"sudo (edge-agent enrol \w[^`<]*)", told)
    assert len(commands) == 2
    for command in commands:
        chosen = PROGRAM.whole_parser().parse_args(shlex.split(command)[1:])
        assert whole_name(chosen.name.lower()) == "kzn/site/id"
