"""What the registrar gives away is on its disk before: a full disk, a wrong clock, files that are not right."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.responses import Response

from agent.trust.jose_keys import KeyRing
from edge_centre.authority import AuthorityError
from edge_centre.registrar.__main__ import COPIES
from edge_centre.registrar.app import Web, make_app
from edge_centre.registrar.bearer import Bearers
from edge_centre.registrar.config import ConfigError, read_config
from edge_centre.registrar.limits import Limits
from edge_centre.registrar.refusal import Refusal
from edge_centre.registrar.serving import open_records
from edge_centre.registrar.store import Store
from tests.support.registrar import NAME, OTHER_NAME, Board, Rules, authorities, run_registrar, write_province

pytestmark = pytest.mark.enrolment


def fill(rules: Rules) -> None:
    """Let the database grow no more, and use up what room it has, as on a full disk."""
    database = rules.store._database
    database.execute(f"PRAGMA max_page_count = {database.execute('PRAGMA page_count').fetchone()[0]}")
    lines = ((str(number),) for number in range(10_000))
    with pytest.raises(sqlite3.OperationalError, match="full"):
        database.executemany("INSERT INTO journal (at, who, what) VALUES (0, '', ?)", lines)


def test_on_a_full_disk_nothing_is_issued_and_a_claim_is_not_used_up(rules: Rules) -> None:
    claim, other = rules.claim(), Board(OTHER_NAME)
    shown = rules.enrol(other.asks(), rules.claim(OTHER_NAME))
    fill(rules)
    for ask in (
        lambda: rules.enrol(Board().asks(), claim),
        lambda: rules.renew(Board(OTHER_NAME).asks(), shown),
        lambda: rules.waits(Board().asks()),
        rules.claim,
        lambda: rules.devices.decommission(shown),
    ):
        with pytest.raises(Refusal, match="can't write to its disk") as refusal:
            ask()
        assert refusal.value.status == 503
        assert refusal.value.retry_after_s
    assert rules.enrol(other.asks()) == shown, "what needs no room is answered"
    assert len(rules.told("issued")) == 1
    rules.store._database.execute("PRAGMA max_page_count = 100000")
    assert rules.enrol(Board().asks(), claim)


def test_what_fails_on_the_way_leaves_nothing_behind(rules: Rules) -> None:
    def fail() -> None:
        with rules.store.transaction() as tx:
            tx.write_down(0, "the test", "half", None, None, None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert rules.told("half") == []


def test_what_was_given_is_there_when_the_registrar_comes_back(rules: Rules) -> None:
    board = Board()
    given = rules.enrol(board.asks(), rules.claim())
    # Another connection sees what is committed, and nothing that this one might still hold.
    again = Store(rules.config.database)
    with again.transaction() as tx:
        assert [each.der for each in tx.issued_to(NAME)] == [given.public_bytes(Encoding.DER)]
    again.close()


def test_a_fault_of_its_own_is_told_in_a_sentence_and_gives_nothing_away(rules: Rules) -> None:
    def fail(_: object) -> Response:
        raise ZeroDivisionError

    known = [authorities("device").certificate]
    app = make_app(Web(rules.records, Bearers(KeyRing(), "kzn"), known, known, Limits()))
    app.add_route("/fail", fail)
    sent: list[Any] = []
    with pytest.raises(ZeroDivisionError):
        asyncio.run(_called(app, sent))
    assert [each.get("status", 500) for each in sent] == [500, 500]
    assert b"nothing was done" in sent[1]["body"]


async def _called(app: Starlette, sent: list[Any]) -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": "GET", "path": "/fail", "headers": []}, receive, send)


def test_the_journal_can_not_be_changed(rules: Rules) -> None:
    rules.claim()
    for sql in ("DELETE FROM journal", "UPDATE journal SET who = 'nobody'"):
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            rules.store._database.execute(sql)
    assert rules.told("claim")


def test_a_copy_of_a_day_holds_all_that_was_given_and_the_oldest_goes(rules: Rules, tmp_path: Path) -> None:
    assert run_registrar(tmp_path / "registrar.toml", "copy").stdout == "", "an empty database takes no copy's place"
    shown = rules.enrol(Board().asks(), rules.claim())
    (folder := tmp_path / "copies").mkdir()
    for day in range(COPIES):
        (folder / f"registrar-2001-01-{day + 1:02}.db").touch()
    for _ in range(2):  # the second one of a day takes the place of the first
        path = Path(run_registrar(tmp_path / "registrar.toml", "copy").stdout.strip())
    assert path.stat().st_mode & 0o777 == 0o600
    assert (len(list(folder.iterdir())), (folder / "registrar-2001-01-01.db").exists()) == (COPIES, False)
    copy = Store(path)
    with copy.transaction() as tx:
        assert [each.der for each in tx.all_issued()] == [shown.public_bytes(Encoding.DER)]
    copy.close()


def test_the_database_is_its_owners_alone(rules: Rules) -> None:
    assert rules.config.database.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("now", [0.0, 86_400.0 * 365])
def test_a_clock_in_the_past_issues_nothing_and_says_so(rules: Rules, now: float) -> None:
    claim, right = rules.claim(), rules.now
    shown = rules.enrol(Board(OTHER_NAME).asks(), rules.claim(OTHER_NAME))
    rules.now = now
    for ask in (
        lambda: rules.enrol(Board().asks(), claim),
        lambda: rules.waits(Board().asks()),
        lambda: rules.renew(Board(OTHER_NAME).asks(), shown),
        rules.claim,
    ):
        with pytest.raises(Refusal, match=r"clock is wrong \(197") as refusal:
            ask()
        assert refusal.value.status == 503
    rules.now = right
    assert rules.enrol(Board().asks(), claim)


def test_an_authority_that_has_expired_says_so(rules: Rules) -> None:
    rules.now = authorities("issuing").certificate.not_valid_after_utc.timestamp()
    with pytest.raises(Refusal, match="has expired"):
        rules.claim()


def test_an_issuing_key_that_others_may_read_keeps_the_registrar_from_starting(tmp_path: Path) -> None:
    config = read_config(write_province(tmp_path))
    config.issuing_key.chmod(0o644)
    with pytest.raises(AuthorityError, match="chmod 600"):
        open_records(config)


def test_a_database_that_is_none_is_named(tmp_path: Path) -> None:
    config = read_config(write_province(tmp_path))
    config.database.write_text("this is no database, and long enough to be looked at" * 10)
    with pytest.raises(ConfigError, match=r"registrar\.db"):
        open_records(config)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"province": "KZN"}, "province"),
        ({"address": "http://registrar.example"}, "address"),
        ({"brokers": []}, "brokers"),
        ({"database": None}, "database"),
        ({"colour": "green"}, "colour"),
        ({"centres": ["Durban centre"]}, "centres"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(tmp_path: Path, changed: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        read_config(write_province(tmp_path, **changed))


@pytest.mark.parametrize("content", [None, "province = ", "\x00"])
def test_a_configuration_that_can_not_be_read_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "registrar.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=r"registrar\.toml"):
        read_config(path)


def test_paths_count_from_the_configurations_own_directory(tmp_path: Path) -> None:
    assert read_config(write_province(tmp_path)).issuing_key == tmp_path / "issuing" / "ca.key"
