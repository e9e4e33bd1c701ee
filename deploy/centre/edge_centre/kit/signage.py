"""What is printed: the poster of the lamps, the signs that POPIA asks for, a technician's invitation, page and slip."""

import html
from datetime import datetime
from pathlib import Path

import segno
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from markdown_it import MarkdownIt  # rich, which the agent has, brings it

from agent.contract.leaves import base64url
from agent.trust.claim import Claim, Invitation, spoken_service_code
from edge_centre.kit.keys import Keys
from edge_centre.kit.province import Province
from edge_centre.kit.sources import ROOT
from edge_centre.kit.workshop import Workshop
from edge_centre.signage.poster import poster

_DRAFT = (
    '<div class="draft"><b>DRAFT, not to be hung up.</b> A lawyer must check each sentence with a § against the law '
    "and against what is done here. Then put the lawyer's name into <code>checked_by</code>, and make this again.</div>"
)
_PAVEMENT = ROOT / "docs/how-to/on-the-pavement.md"
_NUMBER = "the number that your office gave you"
_MARK = '<b style="color:#b00">§</b>'


def make(shop: Workshop, province: Province, keys: Keys) -> None:
    """Derive all of it."""
    shop.derive("signage/lamps-poster.svg", poster(province.languages))
    contact, checked = province.contact, province.contact.checked_by
    common = _escaped(
        name=province.name,
        code=province.code,
        responsible=contact.responsible,
        address=contact.address,
        telephone=contact.telephone,
        email=contact.email,
        officer=contact.information_officer,
        purpose=contact.purpose,
        kept_days=str(contact.kept_days),
        sites=", ".join(site.name for site in province.sites),
        centres=", ".join(centre.name for centre in province.centres),
    ) | {"draft": "" if checked else _DRAFT, "mark": "" if checked else _MARK}
    common |= _of_recordings(province)
    shop.fill("signage/popia.html", "popia.html", **common)
    shop.fill("signage/on-the-pavement.html", "on-the-pavement.html", **common, text=pavement(contact.telephone))
    for site in province.sites:
        place = _escaped(site=site.name, place=f", {site.text}" if site.text else "")
        shop.fill(f"signage/cctv-{site.id}.html", "cctv.html", **common, **place)
    text = invitation(province, keys)
    picture = segno.make(text, error="l", micro=False).svg_inline(omitsize=True)
    ids = _escaped(sites=", ".join(site.id for site in province.sites), registrar=province.registrar.url, text=text)
    shop.fill("signage/invitation.html", "invitation.html", **common | ids, qr=picture)


def pavement(telephone: str) -> str:
    """The page for a technician in the street as HTML, with the office's number, and without what is for a desk."""
    text = _PAVEMENT.read_text(encoding="utf-8").partition("\n## More")[0]
    shown: str = MarkdownIt("commonmark").enable("table").render(text)
    return shown.replace(_NUMBER, html.escape(telephone))


def invitation(province: Province, keys: Keys) -> str:
    """The line with which a device finds the registrar of the province, and trusts no other."""
    root = x509.load_pem_x509_certificate(keys.root_pem("server")).public_bytes(Encoding.DER)
    return Invitation(registrar=province.registrar.url, root=base64url(root)).text()


def slip(shop: Workshop, province: Province, claim: Claim, place: str, now: datetime) -> Path:
    """Make the sheet for the technician of one device, which its claim belongs to. The code in the picture is the
    address of its service page alone: with the digits in it they would stay in the phone's history."""
    site, device = claim.name.split("/")[1:]
    address = f"https://{device}.local:8443"
    known = next((each for each in province.sites if each.id == site), None)
    where = place or (f"{known.name}, {known.text}" if known and known.text else known.name if known else "")
    values = _escaped(
        device=claim.name,
        place=where,
        digits=spoken_service_code(claim.service_code) if claim.service_code else "the beacon blinks them",
        address=address,
        board=claim.board or "any",
        only=f": {claim.board}, and no other" if claim.board else "",
        telephone=province.contact.telephone,
        name=province.name,
        made=f"{now:%Y-%m-%d %H:%M}",
        until=f"{datetime.fromtimestamp(claim.until).astimezone():%Y-%m-%d %H:%M}",
    )
    picture = segno.make(address, error="m", micro=False).svg_inline(omitsize=True)
    return shop.fill(f"slips/{site}-{device}.html", "slip.html", **values, qr=picture)


def _of_recordings(province: Province) -> dict[str, str]:
    """What notice and signs say of them."""
    if province.evidence is None:
        names = ("recorded", "opened", "recordings_kept", "sealed", "recorded_here")
        return dict.fromkeys(names, "") | {"what_they_do": "They take pictures and no sound. Nothing is recorded."}
    stores = " and ".join(province.evidence.upload_hosts)
    return {
        "recorded": "  <li><b>A recording:</b> when a help button is pressed, and when a named person at the centre "
        "asks for one and says why, cameras there record video: from some seconds before until shortly after the "
        "call for help is closed. There is no sound. Seconds that nobody asks for are in the device's memory alone, "
        "and are overwritten.</li>\n",
        "opened": "A recording on a device can only be opened in the office, by whoever holds the key for it. "
        f"While it is made it is also sent to a store of the responsible party ({stores}). It is not sealed there: the "
        "responsible party's people may see it, and whoever runs that store could."
        if stores
        else "A recording can only be opened in the office, by whoever holds the key for it.",
        "recordings_kept": f"The device deletes a recording after {province.evidence.kept_days} days, unless it is "
        "held for an investigation or a court.",
        "sealed": "A recording is sealed while it is made: whoever takes the device can't see it.",
        "recorded_here": f"Then video is recorded too, and sent to the office's store ({stores}): its people may see "
        "it, and whoever runs that store could."
        if stores
        else "Then video is recorded too, and only the office can open it.",
        "what_they_do": "They take pictures, record video, and record no sound.",
    }


def _escaped(**values: str) -> dict[str, str]:
    return {name: html.escape(value) for name, value in values.items()}
