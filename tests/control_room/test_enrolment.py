"""Devices are let in at the page: the registrar behind its nginx, a browser, and the client that a device has."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright, Route, expect

from agent.provisioning.est import RefusedError
from agent.trust.jose_keys import PrivateKey
from tests.control_room.applicant import Applicant
from tests.control_room.fleet import Fleet
from tests.control_room.hands import PATIENCE_MS, begin
from tests.control_room.hostile import SCRIPT
from tests.control_room.rig import Browser, Rig, key_fragment, page_with
from tests.control_room.test_bad_input import UNHARMED
from tests.control_room.test_looks import CUT_OFF, NO_MOUSE, tab_to, violations, wrapped
from tests.support.certificates import BrokerAuthorities
from tests.support.registrar import BOARD, NAME, OTHER_BOARD, OTHER_NAME, SERVE, ServedRegistrar
from tests.support.wait import wait_for

SUPERVISOR, OPERATOR = PrivateKey.generate("supervisor", "thandi"), PrivateKey.generate("operator", "sipho")
STRANGER = PrivateKey.generate("supervisor", "nobody")


class Office(ExitStack):
    """A page whose province has a registrar: on a host of its own, or with `shares` behind the page's nginx too."""

    def __init__(
        self,
        directory: Path,
        brokers: BrokerAuthorities,
        built_page: Path,
        driver: Playwright,
        *,
        shares: bool = False,
    ) -> None:
        super().__init__()
        self._directory = directory
        self.registrar = ServedRegistrar(directory / "registrar", SUPERVISOR, OPERATOR)
        url = "/registrar/" if shares else f"https://localhost:{self.registrar.port}"
        setting = {"url": url, "province": "kzn"}
        further = locations(self.registrar.socket) if shares else ""
        self.rig = Rig(directory / "rig", brokers, built_page, further=further, registrar=setting)
        self.registrar.page = self.rig.url.rstrip("/")
        self.enter_context(self.registrar)
        for part in self.rig.sites:
            self.enter_context(part)
        self.browser = self.enter_context(
            Browser(directory / "home", brokers.server.ca, self.registrar.directory / "server-root.pem", driver=driver)
        )

    def open(self, key: PrivateKey | None = SUPERVISOR, script: str = "") -> Page:
        """The view, on a page with this key. Nobody has logged in at a broker."""
        page = self.browser.open(self.rig.url + (key_fragment(key) if key else ""), script=script)
        page.set_viewport_size({"width": 1366, "height": 800})
        page.get_by_role("navigation").get_by_role("button", name="Enrolment").click()
        return page

    def applicant(self, name: str = NAME, board: str = BOARD, place: str = "") -> Applicant:
        """A device that asks."""
        directory = self._directory / board / name.replace("/", ".")
        directory.mkdir(parents=True)
        url = f"https://localhost:{self.registrar.port}"
        return self.enter_context(Applicant(directory, url, name, board, place))


def locations(socket: Path) -> str:
    """What the guide has one copy from the registrar's site into the page's."""
    site = (SERVE / "nginx.conf").read_text().replace("/run/edge-agent-registrar/registrar.sock", str(socket))
    first, _, second = site.partition("  location /registrar/ ")[2].partition("  location @registrar ")
    return f"  location /registrar/ {first}  location @registrar {second.rstrip().removesuffix('}')}"


def count(page: Page, asked: list[str]) -> None:
    """Note what the page asks the registrar."""

    def note(route: Route) -> None:
        asked.append(route.request.url)
        route.continue_()

    page.context.route("**/registrar/requests", note)


@pytest.fixture
def office(tmp_path: Path, authorities: BrokerAuthorities, built_page: Path, driver: Playwright) -> Iterator[Office]:
    with Office(tmp_path, authorities, built_page, driver) as office:
        yield office
        assert office.browser.complaints == []
        assert [violation for site in office.rig.sites for violation in site.violations()] == []


def type_code(page: Page, code: str) -> None:
    page.get_by_label("The code that the technician reads to you").fill(code)


def test_a_device_is_let_in_by_the_code_that_is_read_out_and_then_has_its_certificate(office: Office) -> None:
    page = office.open()
    expect(page.get_by_role("heading", name="No device waits to be let in")).to_be_visible()
    device = office.applicant(place="Platform 3, eMnambithi")
    other = office.applicant(OTHER_NAME, OTHER_BOARD)
    code = device.code
    assert other.code != code
    expect(page.get_by_role("heading", name="2 devices wait to be let in")).to_be_visible()
    expect(page.get_by_role("navigation").get_by_role("button", name="2 devices wait")).to_be_visible()
    # Whoever has not heard it can't let anybody in: no code stands on the page, nor a button.
    assert code not in page.locator("body").inner_text()
    expect(page.get_by_role("button", name="Let it in")).to_have_count(0)
    type_code(page, f"{code.lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')}")
    found = page.locator(".found")
    expect(found.get_by_role("heading", name=code)).to_be_visible()
    for said in (NAME, BOARD, "Durban station", "Platform 3, eMnambithi", "127.0.0.1", "Read it back: "):
        expect(found).to_contain_text(said)
    found.get_by_role("button", name="Let it in").click()
    expect(page.locator(".decided")).to_contain_text(f"{NAME} ({code}, ")
    assert device.has().bound().name == NAME
    expect(page.locator(".decided")).to_contain_text("let in: it has its certificate, until ")
    expect(page.get_by_role("heading", name="1 device waits to be let in")).to_be_visible()
    assert other.waits
    page.get_by_text("1 device has had a certificate").click()
    expect(page.get_by_role("row", name=NAME)).to_contain_text(BOARD)


def test_a_registrar_behind_the_pages_own_nginx_needs_no_leave_for_another_origin(
    tmp_path: Path, authorities: BrokerAuthorities, built_page: Path, driver: Playwright
) -> None:
    with Office(tmp_path, authorities, built_page, driver, shares=True) as office:
        page = office.open()
        device = office.applicant()
        type_code(page, device.code)
        page.get_by_role("button", name="Let it in").click()
        device.has()
        expect(page.locator(".decided")).to_contain_text("it has its certificate")
        office.registrar.kill()
        expect(page.get_by_role("alert").get_by_text("The registrar has failed: it answers 502.")).to_be_visible()
        office.browser.forgive("502")
        assert office.browser.complaints == []


def test_a_page_asks_every_five_seconds_in_the_view_and_every_minute_elsewhere(office: Office) -> None:
    page = office.open()
    expect(page.get_by_role("heading", name="No device waits")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="No device waits")).to_be_hidden()
    asked: list[str] = []
    count(page, asked)
    other = office.open()
    others: list[str] = []
    count(other, others)
    wait_for(lambda: other.evaluate("1") and len(others) >= 3, what="the page in the view to ask three times")
    assert len(asked) <= 1
    before = len(asked)
    page.keyboard.press("6")
    wait_for(lambda: page.evaluate("1") and len(asked) > before, 5, what="a page that comes back to ask at once")


def test_a_code_that_nobody_has_lets_nobody_in(office: Office) -> None:
    page = office.open()
    code = office.applicant().code
    expect(page.get_by_role("heading", name="1 device waits")).to_be_visible()
    for wrong, said in (
        (code[:-1] + ("A" if code[-1] != "A" else "B"), "No device that waits has this code."),
        (code[:11], "3 more characters"),
        (f"{code}X", "A code has twelve characters."),
    ):
        type_code(page, wrong)
        expect(page.get_by_text(said)).to_be_visible()
        expect(page.get_by_role("button", name="Let it in")).to_have_count(0)


def test_a_board_that_takes_anothers_place_is_told_of_and_asked_about_once_more(office: Office) -> None:
    page = office.open()
    first = office.applicant()
    type_code(page, first.code)
    page.get_by_role("button", name="Let it in").click()
    first.has()
    second = office.applicant(board=OTHER_BOARD)
    type_code(page, second.code)
    found = page.locator(".found")
    expect(found.get_by_text(f"Replaces board {BOARD}.")).to_be_visible()
    page.get_by_role("button", name="Let it in").click()
    expect(page.get_by_role("alert").get_by_text(f"Then board {BOARD} is shut out.")).to_be_visible()
    assert second.waits
    page.get_by_role("button", name="Yes, let it in").click()
    second.has()
    expect(page.locator(".decided").get_by_text("it has its certificate")).to_have_count(2)


def test_nobody_is_replaced_whom_the_person_has_not_seen(office: Office) -> None:
    page = office.open()
    device = office.applicant(board=OTHER_BOARD)
    type_code(page, device.code)
    expect(page.locator(".found")).to_be_visible()
    page.context.route("**/registrar/requests", lambda route: route.abort())
    first = office.applicant()
    assert first.code
    assert office.registrar.run("approve", first.code).returncode == 0
    first.has()
    expect(page.get_by_text("Replaces")).to_have_count(0)
    page.get_by_role("button", name="Let it in").click()
    expect(page.locator(".decided")).to_contain_text("not done. The registrar says: Another board has its name now")
    assert device.waits
    page.context.unroute_all()
    type_code(page, device.code)
    expect(page.locator(".found").get_by_text(f"Replaces board {BOARD}.")).to_be_visible()
    office.browser.forgive("409|ERR_FAILED")


def test_a_refused_device_is_told_why_and_the_keyboard_alone_does_it_all(office: Office) -> None:
    page = office.open(script=NO_MOUSE)
    refused, device = office.applicant(), office.applicant(OTHER_NAME, OTHER_BOARD)
    code = device.code
    keyboard = page.keyboard
    page.evaluate("window.mouse = undefined")
    expect(page.get_by_role("heading", name="2 devices wait")).to_be_visible()
    keyboard.press("1")
    keyboard.press("6")
    tab_to(page, "The code that the technician reads")
    keyboard.type(code)
    expect(page.get_by_role("heading", name=code)).to_be_visible()
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name=code)).to_be_focused()
    assert device.waits, "Enter behind the code shows it, and lets nobody in"
    tab_to(page, "Let it in")
    keyboard.press("Enter")
    device.has()
    expect(page.get_by_label("The code that the technician reads to you")).to_be_focused()
    expect(page.get_by_role("button", name="Refuse…")).to_have_count(1)
    tab_to(page, "Refuse…")
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Refuse {NAME}")).to_be_visible()
    keyboard.press("Escape")
    expect(page.get_by_role("heading", name=f"Refuse {NAME}")).to_have_count(0)
    tab_to(page, "Refuse…")
    keyboard.press("Enter")
    tab_to(page, "Or in your words")
    keyboard.type("Not ours: call Sipho")
    keyboard.press("Enter")
    expect(page.locator(".decided")).to_contain_text("refused: Not ours: call Sipho")
    with pytest.raises(RefusedError, match="Not ours: call Sipho"):
        refused.has()
    assert page.evaluate("window.mouse") is None


@pytest.mark.parametrize(
    ("key", "said"), [(OPERATOR, "your key has the role operator"), (None, "this browser has no key")]
)
def test_whoever_may_not_is_told_so_and_nothing_is_asked(office: Office, key: PrivateKey | None, said: str) -> None:
    pages = [office.open(key), office.open()]
    asked: list[list[str]] = [[], []]
    for each, noted in zip(pages, asked, strict=True):
        count(each, noted)
    page, supervisors = pages
    office.applicant()
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_label("The code")).to_have_count(0)
    expect(supervisors.get_by_role("heading", name="1 device waits")).to_be_visible()
    wait_for(lambda: supervisors.evaluate("1") and len(asked[1]) >= 2, what="a supervisor's page to ask twice")
    assert asked[0] == []


def test_the_registrars_refusals_are_told_in_its_words(office: Office) -> None:
    page = office.open(STRANGER)
    expect(page.get_by_text("The registrar says: This token does not count")).to_be_visible()
    expect(page.get_by_text("Nobody can tell who waits. Devices may wait.")).to_be_visible()
    expect(page.get_by_role("navigation").get_by_role("button", name="the registrar does not answer")).to_be_visible()
    office.browser.forgive("401")


def test_a_pc_whose_clock_is_hours_wrong_is_let_in_once_devices_have_told_the_time(
    tmp_path: Path, authorities: BrokerAuthorities, built_page: Path, driver: Playwright
) -> None:
    wrong = "{ const right = Date.now; Date.now = () => right() + 18_000_000; }\n"
    with Office(tmp_path, authorities, page_with(wrong, built_page, tmp_path / "page"), driver) as office:
        for broker in office.rig.brokers:
            office.enter_context(broker)
        fleet = office.enter_context(Fleet(office.rig, 3))
        page = office.open(script=wrong)
        expect(
            page.get_by_text("The registrar says: This token is not valid now: check this computer's")
        ).to_be_visible()
        page.keyboard.press("5")
        begin(page)
        fleet.say(*(made for kiosk in fleet.kiosks for made in (*kiosk.born(), kiosk.healthy())))
        page.keyboard.press("6")
        office.applicant()
        expect(page.get_by_role("heading", name="1 device waits")).to_be_visible()
        expect(page.locator(".waiting")).to_contain_text(re.compile("Waits for0:[0-3]"))
        expect(page.get_by_role("alert").get_by_text("The registrar says")).to_have_count(0)
        office.browser.forgive("401")


def test_two_supervisors_who_answer_one_device_hear_who_was_first(office: Office) -> None:
    page = office.open()
    device = office.applicant()
    code = device.code
    type_code(page, code)
    expect(page.locator(".found")).to_be_visible()
    [waiting] = json.loads(office.registrar.signed(SUPERVISOR, "GET", "/registrar/requests").body)
    path = f"/registrar/requests/{waiting['key']}"
    page.route("**/registrar/requests", lambda route: route.abort())
    assert office.registrar.signed(SUPERVISOR, "POST", path, b'{"do": "refuse", "reason": "x"}').status == 200
    page.get_by_role("button", name="Let it in").click()
    expect(page.locator(".decided")).to_contain_text(
        "to let in: not done. The registrar says: This request was refused"
    )
    office.browser.forgive("409|ERR_FAILED")


def test_a_registrar_that_is_gone_is_told_of_and_what_stood_there_stays(office: Office) -> None:
    page = office.open()
    device = office.applicant()
    type_code(page, device.code)
    expect(page.locator(".found")).to_be_visible()
    office.registrar.kill()
    expect(page.get_by_role("alert").get_by_text("The registrar has failed: it answers 502.")).to_be_visible()
    expect(page.get_by_text("What stands here is what it said at")).to_be_visible()
    expect(page.get_by_role("heading", name="1 device waits")).to_be_visible()
    page.get_by_role("button", name="Let it in").click()
    expect(page.locator(".decided")).to_contain_text("to let in: no answer: it may have been done")
    office.registrar.start()
    expect(page.get_by_text("What stands here is what it said at")).to_have_count(0, timeout=2 * PATIENCE_MS)
    type_code(page, device.code)
    page.get_by_role("button", name="Let it in").click()
    device.has()
    office.browser.forgive("registrar")


ANSWERS = [
    ("text/html", "<!doctype html><b>Sign in to the guests' network</b>", 200, "something answers with a web page"),
    ("application/json", "{}", 200, "none that this page understands"),
    ("application/json", '[{"key": 7}]', 200, "none that this page understands"),
    ("application/json", "[", 200, "none that this page understands"),
    ("text/html", "<h1>502</h1>", 502, "The registrar has failed: it answers 502."),
    ("text/plain", SCRIPT, 403, f"The registrar says: {SCRIPT}"),
]


def test_whatever_answers_in_the_registrars_place_is_told_in_words_and_runs_nothing(office: Office) -> None:
    page = office.open()
    expect(page.get_by_role("heading", name="No device waits")).to_be_visible()
    answer = iter(ANSWERS)
    now = next(answer)
    headers = {"Access-Control-Allow-Origin": "*"}
    page.context.route(
        "**/registrar/requests",
        lambda route: route.fulfill(status=now[2], content_type=now[0], body=now[1], headers=headers),
    )
    for now in ANSWERS:
        expect(page.get_by_role("alert").get_by_text(now[3])).to_be_visible()
        assert page.evaluate(UNHARMED)
    row = {"key": "a" * 64, "code": "7K3D-M9QX-A4TV", "asked_at": 1_800_000_000, "replaces": SCRIPT, "remark": SCRIPT}
    texts = dict.fromkeys(("name", "board", "site", "place", "address"), f"\u202e{SCRIPT}")
    now = ("application/json", json.dumps([row | texts]), 200, "")
    type_code(page, "7k3dm9qxa4tv")
    expect(page.locator(".found")).to_contain_text(SCRIPT)
    assert "\u202e" not in page.locator("body").inner_text()
    assert page.evaluate(UNHARMED)
    office.browser.forgive("status of|registrar")


def test_a_registrar_that_never_answers_is_waited_for_and_then_told_of(office: Office) -> None:
    page = office.open()
    expect(page.get_by_role("heading", name="No device waits")).to_be_visible()
    page.context.route("**/registrar/requests", lambda _: None)
    expect(page.get_by_text("Asking the registrar… (")).to_be_visible()
    expect(page.get_by_role("alert").get_by_text("does not answer in time")).to_be_visible(timeout=30_000)


def test_the_view_has_no_barrier_in_either_theme_and_fits_a_phone(office: Office) -> None:
    page = office.open()
    device = office.applicant(place="Platform 3")
    office.applicant(OTHER_NAME, OTHER_BOARD)
    type_code(page, device.code)
    expect(page.locator(".found")).to_be_visible()
    page.get_by_role("button", name="Refuse…").first.click()
    assert wrapped(page) == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == [], scheme
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(CUT_OFF) == []
    assert violations(page) == []
