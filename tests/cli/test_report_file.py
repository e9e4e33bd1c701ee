"""`edge-centre report file`: what the office has of each device, whoever listened, and whoever else has sent it."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.contract.envelope import MessageFactory, Stamp, rfc3339, seal
from agent.contract.errors import EdgeAgentError
from agent.contract.identity import Identity
from agent.trust.commissioning_report import ReportFile, Trust
from agent.trust.jose_keys import PrivateKey
from edge_centre.__main__ import PROGRAM, main
from edge_centre.adapters.paho_centre import CentreConnection
from edge_centre.cli.report_file import MOST_STRANGE, Cabinet, _alone
from tests.support.certificates import Authority
from tests.support.commissioning import ENDED, FIRST, NOW, SECOND, USER, Office
from tests.support.full_disk import FullDisk
from tests.support.mosquitto import Mosquitto

OTHER = "gp/jhb-park-station/kiosk-0007"
TOPIC = f"edge/v1/{USER}/up/commissioning"


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "reports"


def message(file: ReportFile, user: str = USER) -> bytes:
    """What the device sends."""
    draft = MessageFactory(Identity(*user.split("/"))).commissioning(file.data)
    return seal(draft, f"/edge/{user}", "b", Stamp(file.data.report.id, 1, rfc3339(ENDED), 1, "synced"))


class Device:
    """Publishes as the agent does."""

    def __init__(self, broker: Mosquitto) -> None:
        self._connection = CentreConnection(broker.url)
        self._connection.open([])

    def says(self, file: ReportFile) -> None:
        draft = MessageFactory(Identity(*USER.split("/"))).commissioning(file.data)
        self._connection.publish(draft.topic, message(file), retain=draft.retain)

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def device(broker: Mosquitto) -> Iterator[Device]:
    made = Device(broker)
    yield made
    made.close()


def filed(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.json"))


def test_an_office_that_was_away_at_the_end_of_the_walk_and_at_that_of_the_next_has_both_reports(
    office: Office, broker: Mosquitto, device: Device, to: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trust = ["--device-ca", str(office.devices.ca), "--keys", str(office.keys)]
    files = ["report", "file", "--to", str(to), "--broker", broker.url, "--seconds", "1.5", *trust]
    device.says(office.sealed())
    assert main(files) == 0
    [said] = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        rf"genuine: {USER}, \S+: incomplete: \S+/{USER}/\d{{8}}T\d{{6}}Z-{FIRST}-[0-9a-f]{{16}}.json", said
    )

    again = office.report(id=SECOND, follows=FIRST)
    third = SECOND[:-1] + "8"
    device.says(office.sealed(again))
    device.says(office.sealed(office.report(id=third, follows=SECOND)))
    before = {path: path.read_bytes() for path in to.rglob("*.json")}
    assert main(files) == 0
    assert [re.findall(r"Z-([0-9a-f-]{36})-", line)[0] for line in capsys.readouterr().out.splitlines()] == [
        SECOND,
        third,
    ]
    assert len(filed(to)) == 3
    assert {path: path.read_bytes() for path in before} == before
    for path in to.rglob("*.json"):
        assert main(["report", "verify", str(path), *trust, "--device", USER]) == 0


def test_a_report_that_the_office_has_missed_is_named(office: Office, to: Path) -> None:
    said = Cabinet(to).take(TOPIC, message(office.sealed(office.report(id=SECOND, follows=FIRST))), office.trust, NOW)
    assert said is not None
    assert said.endswith(f". The report before it, {FIRST}, is missing")


def test_a_thief_with_a_kiosk_puts_nothing_among_the_reports_that_the_office_believes(
    office: Office, to: Path, tmp_path: Path
) -> None:
    genuine = office.sealed()
    stranger = replace(office, technician=PrivateKey.generate("technician", "sipho"))
    theirs = Authority(tmp_path / "theirs", "devices")
    hostile = {
        "altered": message(genuine).replace(b"passed", b"failed", 1),
        "forged by another authority": message(office.sealed(files=theirs.client(USER))),
        "signed by no technician of ours": message(stranger.sealed()),
        "of another device": message(office.sealed(office.report(user=OTHER), office.devices.client(OTHER)), OTHER),
        "no report": b'{"type": "edge.commissioning.v1", "data": {"report": {"id": "../../../etc/x"}}}',
        "deep": b"[" * 100_000,
        "a name that leads elsewhere": message(office.sealed(office.report(id="../../../../other/kiosk"))),
        "a time that is none": message(office.sealed(office.report(ended="../../x"))),
    }
    cabinet = Cabinet(to)
    for what, payload in hostile.items():
        said = cabinet.take(TOPIC, payload, office.trust, NOW)
        assert said is not None, what
        assert said.startswith(f"NOT GENUINE: {USER}: "), (what, said)
        told = Path(said.rpartition(": ")[2]).with_suffix(".txt").read_text()
        assert told.splitlines()[-1].startswith("Next: "), (what, told)
        assert "stolen kiosk" in told or "commissioned again" in told or "of yours has signed" in told, (what, told)
        assert cabinet.take(TOPIC, payload, office.trust, NOW) is None, "it is said once"
    assert all(re.fullmatch(rf"not-genuine/{USER}/[0-9a-f]{{16}}\.json", each) for each in filed(to))
    assert len(filed(to)) == len(hostile)
    assert {path.name for path in tmp_path.iterdir()} == {"theirs", "reports"}
    said = cabinet.take(TOPIC, message(genuine), office.trust, NOW)
    assert said is not None
    assert said.startswith("genuine: ")
    said = cabinet.take(TOPIC.replace(USER, OTHER), message(genuine), office.trust, NOW)
    assert said is not None, "a genuine one that was filed, from another device"
    assert said.startswith(f"NOT GENUINE: {OTHER}: ")


def test_a_thief_fills_neither_the_office_s_disk_nor_its_day(office: Office, to: Path) -> None:
    cabinet, asked = Cabinet(to), list[Trust]()

    def trust() -> Trust:
        asked.append(office.trust())
        return asked[-1]

    for size, is_looked_at in ((135_168, True), (135_169, False), (1_000_000, False)):
        said = cabinet.take(TOPIC, b"x" * size, trust, NOW)
        assert said is not None
        assert said.startswith("NOT GENUINE") is is_looked_at
    for number in range(2 * MOST_STRANGE):
        said = cabinet.take(TOPIC, json.dumps({"number": number}).encode(), trust, NOW)
    assert said == f"{USER}: REFUSED: {MOST_STRANGE} of its reports were not genuine: restart this to check more"
    assert len(asked) == MOST_STRANGE, "each time takes a process"
    again = Cabinet(to)
    said = again.take(TOPIC, b"another", office.trust, NOW)
    assert said is not None
    assert f"Not kept: {MOST_STRANGE} others are in" in said
    assert len(filed(to)) == MOST_STRANGE
    for topic in (f"edge/v1/gp/../{USER}/up/commissioning", f"{TOPIC}/x", "edge/v1/a/up/commissioning", f"{TOPIC}\n"):
        said = again.take(topic, message(office.sealed()), office.trust, NOW)
        assert said is not None
        assert said.startswith("REFUSED: "), topic
    assert str(again.take(TOPIC, b"", office.trust, NOW)).endswith(
        "somebody has cleared its report at the broker. Filed reports stay"
    )


def test_what_was_not_genuine_for_want_of_a_key_is_looked_at_again_at_the_next_start(
    office: Office, to: Path, tmp_path: Path
) -> None:
    new = PrivateKey.generate("technician", "zanele")
    other = replace(office, technician=new, keys=tmp_path / "keys.json")
    other.knows(office.technician)
    payload = message(other.sealed())
    assert str(Cabinet(to).take(TOPIC, payload, other.trust, NOW)).startswith("NOT GENUINE")
    other.knows(office.technician, new)
    assert str(Cabinet(to).take(TOPIC, payload, other.trust, NOW)).startswith("genuine")
    assert Cabinet(to).take(TOPIC, payload, other.trust, NOW) is None
    [text] = [path.read_text() for path in to.glob("*/*/*/*Z-*.txt")]
    assert text.splitlines()[0] == f"Checked {NOW:%Y-%m-%d %H:%M} UTC, when it came"
    assert all(line.startswith("holds: ") for line in text.splitlines()[1:])


def test_a_full_disk_is_told_without_a_command_that_only_a_device_has(
    office: Office, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust, told = office.trust(), set[str]()
    for after in range(100):
        with FullDisk(monkeypatch, after) as disk:
            try:
                Cabinet(to).take(TOPIC, b"no report", lambda: trust, NOW)
            except EdgeAgentError as error:
                told.add(str(error).rpartition(": ")[2])
        if not disk.was_full:
            break
    assert told == {"no space left on device"}


def test_two_that_file_into_one_folder_do_not_throw_each_other_off_the_broker(
    office: Office, broker: Mosquitto, to: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trust = ["--device-ca", str(office.devices.ca), "--keys", str(office.keys)]
    with _alone(to):
        assert main(["report", "file", "--to", str(to), "--broker", broker.url, *trust]) == 2
    assert "another `edge-centre report file` is using it" in capsys.readouterr().err


def test_what_the_office_is_told_to_type_about_reports_is_what_the_program_takes() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/commission-a-device.md").read_text(encoding="utf-8")
    text = page.partition("## The report in the office\n")[2].partition("\n## ")[0].replace("\\\n", " ")
    commands = re.findall(r"bin/edge-centre (report .*?)$|`edge-centre (report [^`]*)`", text, re.MULTILINE)
    assert [(one or other).split()[1] for one, other in commands] == ["file", "verify", "render", "file"]
    for one, other in commands:
        chosen = PROGRAM.whole_parser().parse_args(shlex.split(one or other))
        assert chosen.province == "kzn" or chosen.keys
