"""The page of a commissioning's report: everything that the report says, and nothing that acts."""

import base64
from html.parser import HTMLParser

import pytest

from agent.contract.commissioning import Figure, InEarnest, Place, Technician, Wire
from agent.contract.envelope import rfc3339
from agent.contract.vocabulary import TimeQuality
from agent.trust.commissioning_report import Finding, ReportFile
from edge_centre.cli.report_page import page
from tests.support.commissioning import ENDED, FIRST, STEPS, VIEW, WIRING, Office, step

CHECKED = "Checked by a test."
HOLDS = [Finding(True, "all of it")]


class Parsed(HTMLParser):
    """A page's tags, its text, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in {"src", "href"}]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_page_says_all_that_the_report_says(office: Office) -> None:
    alarm = InEarnest(alarm_id=FIRST, input="medical", step="mains", raised_at=rfc3339(ENDED))
    file = office.sealed(office.report(note="The door sticks.", in_earnest=(alarm,)))
    parsed = Parsed(page(file, HOLDS, CHECKED))
    assert parsed.open == []
    report = file.data.report
    said = [report.id, report.walk, report.place.text, report.device.name, str(report.device.board), "Sipho Nkosi"]
    said += [report.note, report.device.profile, report.wiring[0].pins, CHECKED, "all of it", "-26.1972, 28.0415"]
    said += [text for each in report.steps for text in (each.title, each.said)]
    said += [
        "until sent 23 ms",
        "2 tries",
        "medical, 20",
        f"during mains: {FIRST}",
        "What was left out, and why",
    ]
    for each in said:
        assert each in parsed.text, each


def test_the_page_has_no_script_and_loads_nothing_from_elsewhere(office: Office) -> None:
    text = page(office.sealed(), HOLDS, CHECKED)
    parsed = Parsed(text)
    assert not {"script", "link", "iframe", "object", "form", "svg", "a"} & set(parsed.tags)
    coded = [base64.b64encode(each).decode() for each in (VIEW, WIRING)]
    assert parsed.loads == [f"data:image/jpeg;base64,{coded[0]}", f"data:image/svg+xml;base64,{coded[1]}"]
    assert "default-src 'none'" in text
    assert "url(" not in text
    assert "@import" not in text


@pytest.mark.parametrize(
    "evil", ["<script>alert(1)</script>", "</style><script>", '"><img src=x onerror=y>', "'onload='x"]
)
def test_what_a_person_has_written_stays_text(office: Office, evil: str) -> None:
    made = office.report(
        place=Place(text=evil),
        by=Technician(issuer=evil, kid=evil, name=evil),
        note=evil,
        wiring=(Wire(name="evil", what=evil, pins=evil),),
        steps=(
            step("evil", evil, evil, figures=(Figure(name=evil, value=1, unit=evil, limit=2),)),
            step("out", evil, evil, "left-out"),
        ),
    )
    parsed = Parsed(page(ReportFile(office.sealed(made).data, {}), [Finding(False, evil)], evil))
    assert parsed.open == []
    assert not {"script", "img"} & set(parsed.tags)
    assert parsed.text.count(evil) >= 14


def test_a_report_that_does_not_hold_says_so_on_top(office: Office) -> None:
    text = Parsed(page(office.sealed(), [Finding(True, "one"), Finding(False, "/report/by was altered")], CHECKED)).text
    assert text.index("Does not hold") < text.index("/report/by was altered") < text.index("Who, where, when")
    assert "This report can't be relied on" in text
    assert "can't be relied on" not in Parsed(page(office.sealed(), HOLDS, CHECKED)).text


def test_a_report_that_nobody_has_checked_says_so_on_top(office: Office) -> None:
    text = Parsed(page(office.sealed(), HOLDS, None)).text
    assert text.index("Nobody has checked who signed this") < text.index("steps passed")
    assert "Nobody has checked" not in Parsed(page(office.sealed(), HOLDS, CHECKED)).text


def test_a_failed_step_is_told_on_top_with_its_reason(office: Office) -> None:
    failed = step("siren", "The siren sounds", "its pin reads back dark", "failed")
    text = Parsed(page(office.sealed(office.report(verdict="failed", steps=(*STEPS, failed))), HOLDS, CHECKED)).text
    assert "What failed The siren sounds : its pin reads back dark" in text
    assert text.index("Failed") < text.index("What failed")


def test_pictures_that_are_not_there_are_named_by_their_hash(office: Office) -> None:
    file = office.sealed()
    text = Parsed(page(ReportFile(file.data), HOLDS, CHECKED)).text
    for each in file.data.report.pictures:
        assert each.sha256 in text


def test_a_clock_that_was_not_set_is_told(office: Office) -> None:
    text = Parsed(page(office.sealed(office.report(timeq=TimeQuality.UNSYNCED)), HOLDS, CHECKED)).text
    assert "no time in here can be trusted" in text
