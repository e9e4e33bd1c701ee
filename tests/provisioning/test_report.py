"""The report of a commissioning: two keys sign it, and whoever checks it names what was altered or who lies."""

import base64
import json
import os
import random
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from agent.contract.commissioning import Place, Report, WalkStep, statement
from agent.contract.envelope import MessageFactory, Stamp, mark_historical, rfc3339
from agent.contract.envelope import seal as envelope_of
from agent.contract.identity import Identity
from agent.contract.leaves import hashes_of
from agent.trust import openssl
from agent.trust.commissioning_report import ReportError, ReportFile, check, read, seal
from agent.trust.jose_keys import PrivateKey, sign
from agent.trust.openssl import new_key
from edge_centre.authority import Authority as Kit
from edge_centre.authority import Revoked, write_certificates, write_key
from edge_centre.authority import new_key as new_private_key
from tests.support.asyncapi_subscriber import node
from tests.support.certificates import Authority, CertificateFiles
from tests.support.commissioning import ENDED, FIRST, NOW, SECOND, STEPS, USER, VIEW, WIRING, Office, signature
from tests.support.run import ran
from tests.support.soft_token import URI, make_token

pytestmark = pytest.mark.enrolment

OTHER = "gp/jhb-park-station/kiosk-0007"


@pytest.fixture(scope="module")
def sealed(office: Office) -> bytes:
    return office.sealed().content()


def faults(office: Office, content: bytes, **more: Any) -> list[str]:
    """What is wrong with a report, whether or not it can be read."""
    try:
        return office.faults(content, **more)
    except ReportError as error:
        return str(error).split("; ")


def put(whole: Any, place: list[Any], value: Any) -> bytes:
    """The file with another value at a place; `...` removes it."""
    part = whole
    for level in place[:-1]:
        part = part[level]
    if value is ...:
        del part[place[-1]]
    else:
        part[place[-1]] = value
    return json.dumps(whole).encode()


def test_what_two_keys_have_sealed_holds_line_by_line(office: Office, sealed: bytes) -> None:
    file, findings = check(sealed, office.trust(device=USER), NOW)
    assert [finding.holds for finding in findings] == [True] * 4
    texts = [finding.text for finding in findings]
    assert texts[0] == f"all {len(file.data.hashes)} places are as the list of hashes says"
    assert texts[1] == "the list of hashes is the one that was signed"
    assert texts[2].startswith(f"the device {USER} has signed it, with a certificate that ends 20")
    assert texts[3] == f"sipho has signed it as technician, with the key {office.technician.kid}"
    assert file.pictures == {
        each.sha256: picture for each, picture in zip(file.data.report.pictures, (VIEW, WIRING), strict=True)
    }


# --- what was altered


def places_of(part: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every leaf of the file."""
    found = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    if not found:
        yield place
    for name, each in found:
        yield from places_of(each, (*place, name))


def spoilt(value: Any, chance: random.Random) -> Any:
    """Another value of the same kind, or of another; `...` for none."""
    if isinstance(value, str) and value and chance.random() < 0.7:
        at = chance.randrange(len(value))
        other = chance.choice([each for each in "abcdefghijkmnopqrstuvwxyzABC0123456789" if each != value[at]])
        return value[:at] + other + value[at + 1 :]
    if isinstance(value, int) and not isinstance(value, bool) and chance.random() < 0.7:
        return value + chance.choice((-1, 1, 2**40))
    return chance.choice([each for each in (..., "", "passed", 0, 1.5, True, None, [1], {"a": 1}) if each != value])


def name_of(place: tuple[Any, ...]) -> str:
    """What a check calls a place of the file."""
    match place:
        case ("report", *_):
            return "/".join(["", *map(str, place)])
        case ("signed", "signatures", number, *_):
            return f"/signed/signatures/{number}"
        case ("signed", *_):
            return "/signed/payload"
        case ("hashes", *_):
            return "/hashes"
    return "/pictures"


@pytest.mark.parametrize("number", range(100))
def test_a_random_alteration_is_found_and_its_place_is_named(office: Office, sealed: bytes, number: int) -> None:
    chance = random.Random(number)
    whole = json.loads(sealed)
    # Three of four in the report itself: it has the fewest leaves of all.
    part = chance.choice(["report", "report", "report", chance.choice(["report", "hashes", "pictures", "signed"])])
    place = chance.choice([*places_of(whole[part], (part,))])
    value = whole
    for level in place:
        value = value[level]

    found = faults(office, put(whole, [*place], spoilt(value, chance)))

    name = name_of(place)
    assert any(name in fault for fault in found) or name.replace("/", ".")[1:] in "".join(found), (place, found)


@pytest.mark.parametrize("number", range(100))
def test_no_byte_can_be_changed_without_a_word(office: Office, sealed: bytes, number: int) -> None:
    chance = random.Random(1000 + number)
    at = chance.randrange(len(sealed))
    content = sealed[:at] + bytes([sealed[at] ^ 1 << chance.randrange(8)]) + sealed[at + 1 :]
    try:
        same = json.loads(content) == json.loads(sealed)
    except ValueError:
        same = False
    assert same or faults(office, content)


def test_a_step_that_is_added_or_removed_is_named(office: Office, sealed: bytes) -> None:
    whole = json.loads(sealed)
    whole["report"]["steps"].append(whole["report"]["steps"][0] | {"name": "siren"})
    assert "/report/steps/4/verdict was added" in faults(office, json.dumps(whole).encode())
    del whole["report"]["steps"][2:]
    found = faults(office, json.dumps(whole).encode())
    assert "/report/steps/2/said was removed" in found
    assert "/report/steps/3/figures was removed" in found


def test_a_hash_that_is_altered_with_its_place_is_an_altered_list(office: Office, sealed: bytes) -> None:
    whole = json.loads(sealed)
    whole["report"]["place"]["text"] = "Elsewhere"
    whole["hashes"].update(hashes_of("Elsewhere", "/report/place/text"))
    found = faults(office, json.dumps(whole).encode())
    assert found == ["the list of hashes (/hashes) is not the one that was signed (/signed/payload)"]


def test_what_stands_beside_the_report_is_not_taken_for_a_part_of_it(office: Office, sealed: bytes) -> None:
    assert faults(office, put(json.loads(sealed), ["approved"], True)) == ["/approved was added"]
    nested = put(json.loads(sealed), ["report", "approved"], True)
    assert faults(office, nested) == ["/report/approved was added"]
    other = put(json.loads(sealed), ["pictures", "ab" * 32], base64.b64encode(b"other").decode())
    assert faults(office, other) == [f"/pictures/{'ab' * 32} was added"]


def test_another_picture_under_the_old_name_is_named(office: Office, sealed: bytes) -> None:
    [name, _] = json.loads(sealed)["pictures"]
    other = base64.b64encode(b"\xff\xd8 another street \xff\xd9").decode()
    assert faults(office, put(json.loads(sealed), ["pictures", name], other)) == [f"/pictures/{name} was altered"]


def test_what_a_field_says_twice_is_no_report(office: Office, sealed: bytes) -> None:
    twice = sealed.replace(b'"verdict": "incomplete"', b'"verdict": "failed", "verdict": "incomplete"', 1)
    assert faults(office, twice) == ["this is no whole report: verdict stands in it twice"]


@pytest.mark.parametrize("part", [0.02, 0.5, 0.97])
def test_a_report_that_was_cut_short_says_so(office: Office, sealed: bytes, part: float) -> None:
    cut = sealed[: int(len(sealed) * part)]
    assert faults(office, cut) == ["this is no whole report: it was cut short"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"null",
        b'{"report": 1}',
        b'{"report": {"form": 1}}',
        b"[" * 100_000,
        b"1" * 9999,
    ],
)
def test_what_is_no_report_is_refused_in_words(office: Office, content: bytes) -> None:
    with pytest.raises(ReportError, match=r"^(this is no|/hashes is no)"):
        office.check(content)


# --- who lies


def test_a_report_of_one_device_that_another_has_signed_is_refused(office: Office) -> None:
    other = office.devices.client(OTHER)
    found = office.faults(office.sealed(files=other).content())
    assert found == [f"the report is of {USER}, and {OTHER} has signed it: replayed for another device"]


def test_a_report_that_is_given_for_another_device_is_refused(office: Office, sealed: bytes) -> None:
    assert office.faults(sealed, device=OTHER) == [f"this is the report of {USER}, and not of {OTHER}"]
    assert office.faults(message(office.sealed(), USER)) == []
    assert office.faults(message(office.sealed(), OTHER)) == [
        f"/edge/{OTHER} has sent the report of /edge/{USER}: somebody replays it for another device"
    ]


def message(file: ReportFile, user: str) -> bytes:
    """What a broker delivers, sent late."""
    factory = MessageFactory(Identity(*user.split("/")))
    sealed = envelope_of(
        factory.commissioning(file.data), f"/edge/{user}", "b", Stamp(FIRST, 1, rfc3339(ENDED), 1, "synced")
    )
    return mark_historical(sealed, "n")


def test_the_message_of_a_report_holds_without_its_pictures(office: Office) -> None:
    findings = office.check(message(office.sealed(), USER))
    assert all(finding.holds for finding in findings)
    assert "without pictures, which a message never has: front, wiring" in [finding.text for finding in findings]


def test_what_a_stranger_has_signed_anew_is_refused(office: Office, sealed: bytes, tmp_path: Path) -> None:
    stranger, thief = Authority(tmp_path, "devices"), PrivateKey.generate("technician", "sipho")
    made = office.report(steps=STEPS[:1])
    content = replace(office, technician=thief).sealed(made, stranger.client(USER)).content()
    why = "unable to get local issuer certificate"
    assert office.faults(content) == [
        f"signed by a stranger (/signed/signatures/0): on {made.ended[:10]} {USER} had no certificate of ours: {why}",
        f"the technician's key {thief.kid} is not in the key set: revoked, or a stranger's",
    ]


def test_a_technician_who_was_taken_out_of_the_key_set_is_refused(
    office: Office, sealed: bytes, tmp_path: Path
) -> None:
    later = replace(office, keys=tmp_path / "keys.json")
    later.knows(PrivateKey.generate("technician", "thabo"))
    assert later.faults(sealed) == [
        f"the technician's key {office.technician.kid} is not in the key set: revoked, or a stranger's"
    ]


def test_an_operator_commissions_nothing(office: Office, tmp_path: Path) -> None:
    operator = PrivateKey.generate("operator", "thandi")
    other = replace(office, technician=operator, keys=tmp_path / "keys.json")
    other.knows(operator)
    found = other.faults(other.sealed().content())
    assert found == ["thandi has signed it as operator, who may not commission a device"]


def test_a_technician_who_signs_for_another_is_refused(office: Office, tmp_path: Path) -> None:
    thabo = PrivateKey.generate("technician", "thabo")
    other = replace(office, technician=thabo, keys=tmp_path / "keys.json")
    other.knows(thabo, office.technician)
    found = other.faults(other.sealed(office.report()).content())
    assert found == [f"the report names sipho ({office.technician.kid}), and thabo ({thabo.kid}) has signed it"]


def test_a_revoked_device_is_refused_and_another_ones_revocation_harms_nobody(office: Office, sealed: bytes) -> None:
    revoked = office.devices.revocation_list(office.devices.client(OTHER)).read_text()
    assert office.faults(sealed, revoked=revoked) == []
    revoked = office.devices.revocation_list(office.files).read_text()
    assert office.faults(sealed, revoked=revoked) == [
        "the device's certificate does not hold any more: certificate revoked"
    ]


@pytest.mark.parametrize("known", ["root", "both"])
def test_a_certificate_of_an_issuing_authority_brings_it_along(office: Office, tmp_path: Path, known: str) -> None:
    root = Kit.root("device", "gp")
    issuing, key = root.issuing(), new_private_key()
    cert = issuing.device(key.public_key(), USER)
    files = CertificateFiles(tmp_path / "ca.pem", tmp_path / "device.pem", tmp_path / "device.key")
    write_certificates(files.ca, *([root.certificate] if known == "root" else [issuing.certificate, root.certificate]))
    write_certificates(files.cert, cert, issuing.certificate)
    write_key(files.key, key)
    content = office.sealed(files=files).content()
    trust = replace(office.trust(), authorities=files.ca.read_text())
    for serials, holds in (([], True), ([cert.serial_number], False)):
        revoked = issuing.revocation_list([Revoked(each, NOW) for each in serials], 1).decode()
        assert all(each.holds for each in check(content, replace(trust, revoked=revoked), NOW)[1]) is holds
    alone = replace(trust, authorities=office.devices.ca.read_text())
    assert not all(each.holds for each in check(content, alone, NOW)[1])


def test_a_list_of_another_authority_revokes_nobody_and_says_so(office: Office, sealed: bytes, tmp_path: Path) -> None:
    foreign = Authority(tmp_path, "others").revocation_list().read_text()
    assert office.faults(sealed, revoked=foreign) == [
        "the device's certificate does not hold any more: unable to get certificate CRL"
    ]


def test_a_certificate_that_has_ended_since_still_proves_what_it_signed(office: Office, tmp_path: Path) -> None:
    older = replace(office, devices=Authority(tmp_path, began=ENDED - timedelta(days=9)))
    files = older.devices.client(USER, expired=True)
    then = ENDED - timedelta(days=1, hours=6)
    early = office.report(began=rfc3339(then - timedelta(minutes=20)), ended=rfc3339(then))
    assert older.faults(older.sealed(early, files).content()) == []
    why = "had no certificate of ours: certificate has expired"
    stranger = f"signed by a stranger (/signed/signatures/0): on {rfc3339(ENDED)[:10]} {USER} {why}"
    assert older.faults(older.sealed(files=files).content()) == [stranger]


def test_signatures_of_one_report_do_not_serve_another(office: Office) -> None:
    one, other = office.sealed(), office.sealed(office.report(id=SECOND))
    mixed = ReportFile(other.data.model_copy(update={"signed": one.data.signed}), other.pictures)
    assert office.faults(mixed.content()) == [
        "the list of hashes (/hashes) is not the one that was signed (/signed/payload)"
    ]


def test_each_of_the_two_must_have_signed(office: Office) -> None:
    sealed = office.sealed()
    device, technician = sealed.data.signed.signatures
    for both, said in (((device, device), "technician"), ((technician, technician), "device")):
        signed = sealed.data.signed.model_copy(update={"signatures": both})
        [found] = office.faults(
            ReportFile(sealed.data.model_copy(update={"signed": signed}), sealed.pictures).content()
        )
        assert found.startswith(f"the {said}'s signature (/signed/signatures/")


def test_no_order_of_a_technician_passes_for_a_signature(office: Office) -> None:
    sealed = office.sealed()
    claims = {"aud": f"/edge/{USER}", "name": "test-mode", "iss": "sipho"}
    protected, payload, signature = sign(claims, office.technician).decode().split(".")
    whole = json.loads(sealed.content())
    whole["signed"]["payload"] = payload
    whole["signed"]["signatures"][1] = {"protected": protected, "signature": signature}
    assert "what was signed (/signed/payload) was altered" in office.faults(json.dumps(whole).encode())


# --- its turn


def later_report(office: Office, **more: Any) -> Report:
    fields = {"id": SECOND, "follows": FIRST, "began": rfc3339(ENDED), "ended": rfc3339(ENDED + timedelta(minutes=30))}
    return office.report(**fields | more)


def test_a_report_follows_the_one_before_it(office: Office) -> None:
    content = office.sealed(later_report(office)).content()
    findings = office.check(content, after=office.report())
    assert all(finding.holds for finding in findings)
    assert findings[-1].text == f"it follows the report of {rfc3339(ENDED)[:10]}"


def test_an_old_report_that_is_given_as_new_is_refused(office: Office, sealed: bytes) -> None:
    [found] = office.faults(sealed, after=later_report(office))
    assert found.startswith(
        f"an old report given as new: it ended on {rfc3339(ENDED)}, and does not follow the one of "
    )
    [found] = office.faults(sealed, after=office.report())
    assert found == "it is the report that is known already, and no new one"
    backdated = later_report(
        office, began=rfc3339(ENDED - timedelta(days=1)), ended=rfc3339(ENDED - timedelta(hours=5))
    )
    found = office.faults(office.sealed(backdated).content(), after=office.report())[-1]
    assert found.startswith("an old report given as new")


def test_times_that_can_not_be_are_named(office: Office) -> None:
    impossible = [
        (ENDED + timedelta(hours=1), ENDED, "before it began"),
        (ENDED, ENDED + timedelta(days=3), "which is to come"),
    ]
    for began, ended, said in impossible:
        made = office.report(began=rfc3339(began), ended=rfc3339(ended))
        assert any(said in found for found in office.faults(office.sealed(made).content()))


# --- how it is sealed


def test_a_key_in_a_token_signs_as_one_in_a_file_does(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in make_token(tmp_path / "token").items():
        monkeypatch.setenv(name, value)
    hardware = tmp_path / "device.key"
    hardware.write_bytes(new_key(URI))
    words = ["openssl", "pkey", "-in", str(hardware), "-pubout", "-outform", "DER"]
    public = load_der_public_key(subprocess.run(words, env={**os.environ}, check=True, capture_output=True).stdout)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert b"BEGIN PRIVATE KEY" not in hardware.read_bytes()
    cert = office.devices.certify(USER, public)
    made = office.report()
    content = seal(made, (VIEW, WIRING), hardware, cert, signature(made, office.technician)).content()
    assert office.faults(content) == []


def test_a_report_without_one_of_its_pictures_is_not_sealed(office: Office) -> None:
    made = office.report()
    half = signature(made, office.technician)
    with pytest.raises(ReportError, match="do not go together"):
        seal(made, (VIEW,), office.files.key, office.files.cert, half)


def test_a_report_that_fits_into_no_message_is_not_sealed(office: Office) -> None:
    def steps(count: int) -> tuple[WalkStep, ...]:
        return tuple(STEPS[1].model_copy(update={"name": f"step-{number}"}) for number in range(count))

    made = office.report(steps=steps(80))
    assert office.faults(office.sealed(made).content()) == []
    with pytest.raises(ReportError, match="fits into no message"):
        office.sealed(office.report(steps=steps(400)))


def test_what_is_signed_names_report_and_device(office: Office) -> None:
    file = office.sealed()
    payload = file.data.signed.payload
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert said == statement(file.data.report, file.data.hashes)
    assert (said["commissioning"], said["device"]) == (FIRST, USER)


def test_a_program_in_another_language_checks_it_by_the_contract_alone(office: Office, tmp_path: Path) -> None:
    # What JSON libraries write in different ways: letters outside ASCII, control characters, slashes, quotes.
    odd = 'Ubuntu Hall \u2018A/B\u2019, caf\u00e9 \U0001f6a8 "7" \\ <&>'
    made = office.report(place=Place(text=odd, lat="-26.1972", lon="28.0415"))
    path = tmp_path / "report.json"
    path.write_bytes(office.sealed(made).content())
    key = office.technician.public().as_jwk()["x"]
    done = ran(*node("report.mjs", path, key))
    assert json.loads(done.stdout) == dict.fromkeys(("leaves", "payload", "device", "technician", "pictures"), True)

    path.write_bytes(put(json.loads(path.read_bytes()), ["report", "place", "text"], "Elsewhere"))
    assert json.loads(ran(*node("report.mjs", path, key)).stdout)["leaves"] is False


@pytest.mark.parametrize(("r", "s"), [(1, 2**255 + 1), (2**255, 1), (2**247, 2**256 - 9), (0x80, 0x7F)])
def test_signatures_with_short_and_long_numbers_keep_their_64_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, r: int, s: int
) -> None:
    monkeypatch.setattr(openssl, "_openssl", lambda *_, stdin: encode_dss_signature(r, s))
    assert openssl.sign(tmp_path, b"") == r.to_bytes(32) + s.to_bytes(32)


def test_a_signature_whose_numbers_are_short_is_known_for_one() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    found = (decode_dss_signature(key.sign(b"a", ec.ECDSA(SHA256()))) for _ in iter(int, 1))
    for short in (0, 1):
        numbers = next(each for each in found if each[short] < 2**248)
        signature = b"".join(number.to_bytes(32) for number in numbers)
        assert openssl.is_signature(signature, b"a", public)
        assert not openssl.is_signature(signature, b"b", public)
        assert not openssl.is_signature(signature[:-1], b"a", public)
    assert not openssl.is_signature(bytes(64), b"a", public)


def test_the_verdict_of_a_report_is_that_of_its_steps(office: Office) -> None:
    failed = STEPS[0].model_copy(update={"verdict": "failed"})
    left_out = STEPS[0].model_copy(update={"verdict": "left-out"})
    assert office.report(steps=(STEPS[0],)).verdict == "passed"
    assert office.report(steps=(STEPS[0], STEPS[1], left_out.model_copy(update={"name": "c"}))).verdict == "incomplete"
    for steps, said in (((failed,), "passed"), ((left_out,), "passed"), ((STEPS[0],), "incomplete")):
        with pytest.raises(ValueError, match="its steps say otherwise"):
            office.report(steps=steps, verdict=said)
    with pytest.raises(ValueError, match="has a reason"):
        WalkStep(name="a", title="b", said=" ", verdict="left-out", ended=rfc3339(ENDED))
    with pytest.raises(ValueError, match="two steps have one name"):
        office.report(steps=(STEPS[0], STEPS[0]))


def test_a_report_is_read_by_a_later_verifier_with_fields_that_it_does_not_know(office: Office, sealed: bytes) -> None:
    whole = json.loads(sealed)
    whole["report"]["weather"] = "rain"
    _, found = read(json.dumps(whole).encode())
    assert [finding.text for finding in found] == ["/report/weather was added"]
    whole["hashes"].update(hashes_of("rain", "/report/weather"))
    assert read(json.dumps(whole).encode())[1] == []
