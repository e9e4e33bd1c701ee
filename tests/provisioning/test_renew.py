"""Renewal: the old certificate stays until the new one has worked, whatever happens on the way."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from agent.core.errors import CopiedCard, EdgeAgentError
from agent.provisioning.credentials import Set
from agent.provisioning.est import RefusedError, RegistrarError
from agent.provisioning.renew import last_result
from edge_centre.authority import new_key
from tests.support.enrolling import NO_ROOM, Bench, assert_whole, tried
from tests.support.fake_registrar import FakeRegistrar
from tests.support.full_disk import FullDisk


@pytest.fixture
def bench(tmp_path: Path, registrar: FakeRegistrar) -> Bench:
    made = Bench(tmp_path, registrar)
    made.enrol()
    return made


def content(directory: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in directory.iterdir()}


def test_it_begins_between_two_thirds_of_the_life_and_a_little_later(bench: Bench, registrar: FakeRegistrar) -> None:
    old = content(bench.current)
    own = x509.load_pem_x509_certificate(old["device.pem"])
    life = own.not_valid_after_utc - own.not_valid_before_utc
    bench.clock.now = own.not_valid_before_utc + life * 0.66
    bench.renew(now=False)
    assert content(bench.current) == old

    bench.clock.now = own.not_valid_before_utc + life * 0.71
    bench.renew(now=False)

    assert content(bench.current) != old
    assert_whole(bench.current)


def test_the_service_page_gets_another_key_too_and_keeps_what_it_has_where_that_fails(
    bench: Bench, registrar: FakeRegistrar
) -> None:
    registrar.page_issuing = registrar.page_root.issuing()
    bench.renew()
    first = (bench.current / "page.pem").read_bytes()
    bench.renew()
    second = (bench.current / "page.pem").read_bytes()
    registrar.page_issuing = None
    bench.renew()

    assert first.partition(b"-----END")[0] != second.partition(b"-----END")[0]
    assert (bench.current / "page.pem").read_bytes() == second
    (bench.current / "page.pem").unlink()
    bench.renew()
    assert not (bench.current / "page.pem").exists()


def test_a_copied_card_renews_nothing(bench: Bench, registrar: FakeRegistrar) -> None:
    asked = len(registrar.asked)

    with pytest.raises(CopiedCard, match="this card is a copy of that of"):
        bench.renew(serials=["10000000ffffffff"])

    assert len(registrar.asked) == asked


@pytest.mark.parametrize("wrong", ["key", "name"])
def test_a_certificate_that_was_not_asked_for_is_never_taken(
    bench: Bench, registrar: FakeRegistrar, wrong: str
) -> None:
    old = content(bench.current)
    if wrong == "key":
        registrar.alter = lambda _, user: (new_key().public_key(), user)
    else:
        registrar.alter = lambda csr, _: (csr.public_key(), "kzn/durban-station/kiosk-0002")

    with pytest.raises(RefusedError, match="Nothing of it was taken"):
        bench.renew()

    assert content(bench.current) == old


def test_a_registrar_that_is_away_is_tried_for_a_minute_and_the_failure_is_counted(
    bench: Bench, registrar: FakeRegistrar
) -> None:
    old = content(bench.current)
    registrar.stop()
    began_ns = bench.clock.ns

    for _ in range(2):
        with pytest.raises(RegistrarError, match="can't be reached"):
            bench.renew()

    assert bench.clock.ns - began_ns < 300e9
    assert content(bench.current) == old
    result = last_result(bench.store)
    assert result is not None
    assert result.failures == 2


def refuse(_: Set) -> None:
    raise EdgeAgentError("not authorised")


def test_a_new_one_that_no_broker_lets_in_waits_while_the_old_one_is_valid(
    bench: Bench, registrar: FakeRegistrar
) -> None:
    old = content(bench.current)

    with pytest.raises(EdgeAgentError, match="so the old one stays in use: not authorised"):
        bench.renew(let_in=refuse)

    assert content(bench.current) == old
    bench.clock.now += timedelta(days=91)
    registrar.stop()
    with pytest.raises(RegistrarError):  # what waits is old by now: a new one is asked for
        bench.renew(let_in=refuse)


def test_a_new_enrolment_ends_the_trouble_of_the_renewal_before(bench: Bench, registrar: FakeRegistrar) -> None:
    with pytest.raises(EdgeAgentError):
        bench.renew(let_in=refuse)
    registrar.keys.clear()
    bench.enrol(bench.order(again=True))
    assert last_result(bench.store) is None


@pytest.mark.parametrize("name", ["device.pem", "device.key", "ca.pem"])
def test_a_new_one_that_waits_and_is_damaged_is_asked_for_anew(bench: Bench, name: str) -> None:
    with pytest.raises(EdgeAgentError):
        bench.renew(let_in=refuse)
    waiting = bench.state / "credentials" / "renewing" / name
    waiting.write_bytes(waiting.read_bytes()[:40])

    bench.renew()

    assert any(line.startswith("What an earlier run has left is damaged (") for line in bench.lines)
    assert_whole(bench.current)


def test_a_new_one_is_taken_untried_when_the_old_one_has_expired(bench: Bench, registrar: FakeRegistrar) -> None:
    own = x509.load_pem_x509_certificate((bench.current / "device.pem").read_bytes())
    old = content(bench.current)
    registrar.days = 365
    with pytest.raises(EdgeAgentError):
        bench.renew(let_in=refuse)
    bench.clock.now = own.not_valid_after_utc + timedelta(minutes=1)

    bench.renew(let_in=refuse)

    assert content(bench.current) != old
    assert any("but the old one has expired: taking it" in line for line in bench.lines)


def test_a_full_disk_at_any_write_leaves_whole_credentials_and_says_what_to_do(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for writes in range(100):
        with FullDisk(monkeypatch, after=writes) as disk:
            said = tried(bench.renew)
        assert_whole(bench.current)
        if not disk.was_full:
            break
        assert said is None or NO_ROOM in said

    assert writes > 10
