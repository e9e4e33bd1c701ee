"""Two provinces on one machine, with sites, devices, centres and people of the same names: who can do what to whom.

Each deed is tried with what one province has on what the other has. Within a province it must succeed, or the test
would prove nothing.
"""

import json
import os
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent.contract.commands import CommandRejected
from agent.trust.jose_keys import KeyRing, sign
from tests.support.certificates import CertificateFiles
from tests.support.province import CENTRE, EST, SITE, RunningProvince
from tests.support.registrar import bearer
from tests.support.run import ran
from tests.support.subscriber import RefusedError, Subscriber

pytestmark = pytest.mark.enrolment

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs/how-to/start-a-province.md"
P = RunningProvince


@pytest.fixture(scope="module")
def provinces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[P, P]]:
    out = tmp_path_factory.mktemp("provinces")
    with P(out, "gp") as gp, P(out, "kzn") as kzn:
        yield gp, kzn


def trusts(one: P, other: P) -> bool:
    """A device of `one` shakes hands with the broker of `other`."""
    context = ssl.create_default_context(cafile=str(one.device.ca))
    context.load_cert_chain(one.device.cert, one.device.key)
    with (
        suppress(ssl.SSLError),
        socket.create_connection(("127.0.0.1", other.broker.port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost"),
    ):
        return True
    return False


def hears_a_device(one: P, other: P) -> bool:
    """A centre of `one`, trusting whom it must, hears a device of `other`."""
    with (
        suppress(OSError, RefusedError),
        Subscriber(other.broker.centre_port, [f"{other.base}/up/#"], files=_at(other, one.centre)) as centre,
        Subscriber(other.broker.port, files=other.device) as device,
    ):
        device.publish(f"{other.base}/up/alarm/police", b"help")
        centre.sync()
        return bool(centre.heard)
    return False


def hears_over_its_own_broker(one: P, other: P) -> bool:
    """The broker of `one` lets its own centre, or an operator's login, listen to topics of `other`."""
    wanted = [f"edge/v1/{other.code}/+/+/up/#"]
    with (
        Subscriber(one.broker.centre_port, wanted, files=one.centre) as centre,
        Subscriber(one.broker.web_port, wanted, web=True, login=one.login) as page,
        Subscriber(one.broker.port, files=one.device) as device,
    ):
        device.publish(f"{other.base}/up/state", b"true")
        for each in (centre, page):
            each.sync()
        return bool(centre.heard or page.heard)


def publishes_as_a_device(one: P, other: P) -> bool:
    """A device of `one` speaks as that of `other`, at the broker of either."""
    topic = f"{other.base}/up/alarm/police"
    with suppress(OSError, RefusedError), Subscriber(other.broker.port, files=_at(other, one.device)) as device:
        return not device.publish(topic, b"forged").is_failure
    with Subscriber(one.broker.port, files=one.device) as device:
        return not device.publish(topic, b"forged").is_failure


def sends_a_command(one: P, other: P) -> bool:
    """A centre of `one` reaches a device of `other`, at the broker of either."""
    topic = f"{other.base}/down/command/ping"
    with suppress(OSError, RefusedError), Subscriber(other.broker.centre_port, files=_at(other, one.centre)) as centre:
        return not centre.publish(topic, b"{}").is_failure
    with Subscriber(one.broker.centre_port, files=one.centre) as centre:
        return not centre.publish(topic, b"{}").is_failure


def answers_an_alarm(one: P, other: P) -> bool:
    """A device of `other` obeys what a person of `one` has signed."""
    try:
        KeyRing.load(other.registrar.directory / "keys.json").verify(sign({"name": "ack"}, one.person))
    except CommandRejected:
        return False
    return True


def enrols_with_its_claim(one: P, other: P) -> bool:
    """A claim of `one` opens the registrar of `other`."""
    board = one.new_board()
    claim = one.claim(board)
    return other.registrar.ask("POST", f"{EST}/simpleenroll", board.body(), claim=claim).status == 200


def asks_for_a_name_of(one: P, other: P) -> bool:
    """The registrar of `one` takes a request for a name of `other`."""
    return one.registrar.ask("POST", f"{EST}/simpleenroll", one.new_board(other.code).body()).status == 202


def renews(one: P, other: P) -> bool:
    """The registrar of `other` renews a certificate of `one`."""
    shown = (one.device.cert, one.device.key)
    return other.registrar.ask("POST", f"{EST}/simplereenroll", one.board.body(), shown=shown).status == 200


def reads_settings(one: P, other: P) -> bool:
    """The registrar of `other` tells a device of `one` its settings and keys."""
    shown = (one.device.cert, one.device.key)
    return other.registrar.ask("GET", "/registrar/settings", shown=shown).status == 200


def approves(one: P, other: P) -> bool:
    """A person of `one` lets a device into `other`."""
    board = other.new_board()
    assert other.registrar.ask("POST", f"{EST}/simpleenroll", board.body()).status == 202
    path, decision = f"/registrar/requests/{board.key_id}", json.dumps({"do": "approve"}).encode()
    for province in {one.code, other.code}:
        token = bearer(one.person, "POST", path, decision, aud=f"registrar/{province}")
        if other.registrar.ask("POST", path, decision, headers={"Authorization": token}).status == 200:
            return True
    return False


def revokes(one: P, other: P) -> bool:
    """A device of `one` revokes at `other`, where it has a namesake; or the broker there takes the list of `one`."""
    files = one.enrolled(one.new_board())
    answer = other.registrar.ask("POST", "/registrar/decommission", shown=(files.cert, files.key))
    took = _takes_the_list(one, other)
    assert took == (one is other)
    return answer.status == 200 or took


def _takes_the_list(one: P, other: P) -> bool:
    served = other.broker.files / "served/registrar"
    served.mkdir(parents=True, exist_ok=True)
    (served / "device.crl").write_bytes(one.registrar.ask("GET", "/registrar/device.crl").body)
    (other.broker.files / "crl.env").write_text(f"REGISTRAR=file://{served.parent}\n")
    before = (other.broker.files / "device-ca.crl").read_bytes()
    environ = {**os.environ, "FILES": str(other.broker.files), "RELOAD": "true", "RESTART": "true"}
    done = ran(ROOT / "deploy/centre/edge_centre/kit/role/files/edge-agent-crl", env=environ)
    assert done.returncode == 0, done.stderr
    return (other.broker.files / "device-ca.crl").read_bytes() != before


def logs_in(one: P, other: P) -> bool:
    """An operator of `one` logs in at a broker of `other`."""
    with suppress(OSError, RefusedError), Subscriber(other.broker.web_port, web=True, login=one.login):
        return True
    return False


def _at(there: P, files: CertificateFiles) -> CertificateFiles:
    """These files with whatever authority it takes to trust the broker of `there`."""
    return CertificateFiles(there.device.ca, files.cert, files.key)


DEEDS: dict[str, Callable[[P, P], bool]] = {
    "a device trusts a broker": trusts,
    "a centre hears a device": hears_a_device,
    "a centre or an operator hears a device over a broker of its own": hears_over_its_own_broker,
    "a device publishes as a device": publishes_as_a_device,
    "a centre sends a command": sends_a_command,
    "a person's ack or command is obeyed": answers_an_alarm,
    "a claim enrols a device": enrols_with_its_claim,
    "a registrar takes a request for a name of the province": asks_for_a_name_of,
    "a registrar renews a certificate": renews,
    "a registrar gives a device settings and keys": reads_settings,
    "a person approves a device": approves,
    "a device, or a list of revoked ones, revokes": revokes,
    "an operator logs in": logs_in,
}


def test_no_province_can_do_anything_to_the_other_and_the_guide_says_what_was_tried(provinces: tuple[P, P]) -> None:
    gp, kzn = provinces
    assert (gp.board.name.split("/")[1:], CENTRE, SITE) == (kzn.board.name.split("/")[1:], CENTRE, SITE)
    rows = ["| deed | gp to kzn | kzn to gp | within a province |", "| --- | --- | --- | --- |"]
    for deed, can in DEEDS.items():
        across = [can(gp, kzn), can(kzn, gp)]
        within = can(gp, gp) and can(kzn, kzn)
        rows.append(
            f"| {deed} | {' | '.join('YES' if each else 'no' for each in [*across])} | {'yes' if within else 'NO'} |"
        )
    table = "\n".join(rows)
    print(table)
    [written] = re.findall(r"<!-- two provinces -->\n\n(.*?)\n\n<!-- /two provinces -->", GUIDE.read_text(), re.DOTALL)
    assert table == written
    assert "YES" not in table
    assert "NO" not in table
