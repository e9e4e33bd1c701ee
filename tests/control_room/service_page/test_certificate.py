"""What a phone says of the page's certificate, and what the page says of it before the code."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Error, Playwright, expect

from agent.service_page.asked import CERTIFICATE
from edge_centre.authority import Authority, new_key, write_certificates, write_key
from tests.control_room.rig import AS_ROOT, CHROMIUM, trust
from tests.control_room.service_page.conftest import PHONE
from tests.support.service_page import Page
from tests.support.walking import KIOSK

HOST = "kiosk-0001.local"
KIOSK_0001 = replace(KIOSK, source="/edge/kzn/durban-station/kiosk-0001")


@contextmanager
def phone(driver: Playwright, home: Path, *trusted: Path, forgives: bool = False) -> Iterator[BrowserContext]:
    """A browser that trusts these authorities, in a network that answers for every name in `.local`."""
    trust(home, *trusted)
    mapped = "--host-resolver-rules=MAP *.local 127.0.0.1"
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*AS_ROOT, mapped], env={"HOME": str(home)})
    yield browser.new_context(**PHONE, ignore_https_errors=forgives)
    browser.close()


def test_a_phone_that_knows_the_provinces_root_opens_the_page_by_its_name_and_any_other_is_told_why_it_warned(
    built_service_page: Path, tmp_path: Path, driver: Playwright
) -> None:
    root = Authority.root("page", "kzn")
    issuing, key = root.issuing(), new_key()
    write_certificates(tmp_path / "root.pem", root.certificate)
    write_key(tmp_path / CERTIFICATE, key, issuing.page(key.public_key(), HOST), issuing.certificate)
    with Page(tmp_path, "https", has=KIOSK_0001) as served:
        address = served.phone().host
        named = f"https://{HOST}:{address.partition(':')[2]}"
        with phone(driver, tmp_path / "phone", tmp_path / "root.pem") as knows:
            page = knows.new_page()
            with page.expect_response("**/api/door"):
                page.goto(named)
            expect(page.get_by_role("button", name="Open")).to_be_visible()
            expect(page.locator(".doubt")).to_have_count(0)
            for other in (f"https://{address}", named.replace("kiosk-0001", "kiosk-0002")):
                with pytest.raises(Error, match="ERR_CERT_COMMON_NAME_INVALID"):
                    page.goto(other)
        with phone(driver, tmp_path / "stranger", forgives=True) as warned:
            page = warned.new_page()
            page.goto(f"https://{address}")
            expect(page.locator(".doubt")).to_contain_text(f"as {named}. Open that")
            (tmp_path / CERTIFICATE).unlink()
            (tmp_path / "other").mkdir()
            with Page(tmp_path / "other", "https") as of_nobody:
                page.goto(f"https://{of_nobody.phone().host}")
                expect(page.locator(".doubt")).to_contain_text("The office does not vouch for this page")
