"""What a technician reads, word by word: every finding of these rooms, as `words.txt` has it.

A wrong word sends somebody to the wrong place, and so a change of any has to be seen by whoever reads the diff.
`python -m tests.core.diagnosis.test_words` writes the file anew.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.contract.vocabulary import TimeQuality
from agent.core import installation
from agent.core.binding import Binding
from agent.core.diagnosis.account import judge_account
from agent.core.diagnosis.agent_report import judge_report, judge_settings, judge_unit
from agent.core.diagnosis.certificate import (
    SOON,
    judge_authorities,
    judge_binding,
    judge_broker,
    judge_device,
    judge_page,
    judge_probe,
)
from agent.core.diagnosis.disk import FULL_BYTES, Disk, judge_disk, judge_trial
from agent.core.diagnosis.finding import Finding, failure
from agent.core.diagnosis.network import Link, judge_links, judge_ways
from agent.core.diagnosis.pins import InputRead, PinUse, judge_levels, judge_use
from agent.core.diagnosis.power import judge_temperature, judge_throttled, judge_voltage_alarm, no_word_on_power
from agent.core.diagnosis.time_source import EARLIEST, LATEST, TimeSource, judge_time
from agent.core.diagnosis.vision import Pictures, judge_pictures, judge_speed
from agent.core.diagnosis.vision_extra import install_advice
from agent.core.diagnosis.wear import Wear, judge_wear
from agent.core.renewal import Enrolled, Renewal, due_at
from agent.trust.certificates import Certificate, DeviceCertificate

NOTHING = "  nothing\n"
WORDS = Path(__file__).with_name("words.txt")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
MIB = 1024 * 1024
GIB = 1024 * MIB
KEEP = 200 * MIB
USER, PROBE = "gp/site/kiosk-0042", "gp/site/kiosk-0042-probe"
OWN = Certificate("/e/device.pem", USER, NOW - 100 * DAY, NOW + 200 * DAY)
DEVICE = DeviceCertificate(
    OWN, "/e/device.key", key_matches=True, for_clients=True, chain_holds=True, key_is_open=False
)
DUE = due_at(OWN.not_before, OWN.not_after, USER)
OF_PAGE = replace(OWN, file="/e/page.pem", common_name="kiosk-0042.local")
AUTHORITY = replace(OWN, file="/e/ca.pem", common_name="Servers", is_authority=True)
DISK = Disk("/var/lib/edge-agent", "/var", "ext4", read_only=False, free_bytes=900 * MIB, free_files=9, outbox_bytes=0)
WIRED = {17: "button police", 22: "light yellow"}
SEEN = Pictures(640, 480, 21, 2.0, 90.0)
PARTS = '{"boottime_ns": 1000000000, "parts": {"uplink": {"ok": %s, "detail": "%s"}}}'
POLICE, POLICE_NC = InputRead("police", False, True), InputRead("police", False, True, True)


def dates(now: datetime) -> list[Finding]:
    return judge_device(DEVICE, USER, now)


def enrolled(now: datetime, last: Renewal | None = None) -> list[Finding]:
    return judge_device(DEVICE, USER, now, enrolled=Enrolled(USER, last))


def disk(**changed: object) -> list[Finding]:
    return judge_disk(replace(DISK, **changed), KEEP)  # type: ignore[arg-type]  # the names say what they are


def clock(wall: datetime, quality: TimeQuality, service: str | None, off_s: float | None = None) -> list[Finding]:
    battery = None if off_s is None else wall + timedelta(seconds=off_s)
    return judge_time(TimeSource(wall, quality, service, battery))


def report(now_s: float, ok: str = "true", detail: str = "") -> list[Finding]:
    return judge_report(PARTS % (ok, detail), int(now_s * 1e9))


def links(*found: Link) -> list[Finding]:
    wrong = judge_links(found)
    return [] if wrong is None else [wrong]


def ways(**changed: Any) -> list[Finding]:
    """Of a device with one broker."""
    facts = {"default": True, "unresolved": {}, "unreachable": (), "asked": 1, **changed}
    return [judge_ways([Link("eth0", True, ("10.0.0.5",)), Link("wlan0", up=False)], **facts)]


CASES: dict[str, Callable[[], list[Finding]]] = {
    "account: well": lambda: judge_account("edge-agent", exists=True, own="edge-agent", missing_groups=[]),
    "account: no user": lambda: judge_account("edge-agent", exists=False, own="root", missing_groups=[]),
    "account: no groups": lambda: judge_account("edge-agent", exists=True, own="pi", missing_groups=["gpio", "video"]),
    "agent: works": lambda: report(1 + 30),
    "agent: silent for 31 s": lambda: report(1 + 30.9),
    "agent: of another boot": lambda: report(0.5),
    "agent: a part that says why": lambda: report(1, "false", "no broker answers"),
    "agent: a part that does not": lambda: report(1, "false"),
    "agent: an uplink that says what to do": lambda: report(1, "false", "nothing listens on b:1: check the port"),
    **{
        f"agent: {part}": partial(judge_report, PARTS.replace("uplink", part) % ("false", "a reason"), 10**9)
        for part in (
            *("centre", "service", "echo", "commands", "config"),
            *("self-test", "input-police", "recorder-front", "pipeline"),
        )
    },
    "agent: settings as they are": lambda: judge_settings('{"settings": "1f"}', "1f"),
    "agent: settings that are newer": lambda: judge_settings('{"settings": "1f"}', "2e"),
    "agent: settings of an earlier version": lambda: judge_settings('{"parts": {}}', "2e"),
    "agent: not to be read": lambda: judge_report(None, 0),
    "agent: not to be understood": lambda: judge_report("{", 0),
    "service: stopped": lambda: judge_unit("inactive", "dead", 0),
    "service: waits for the enrolment": lambda: judge_unit("inactive", "dead", 0, enrolled=False),
    "service: failed": lambda: judge_unit("failed", "failed", 5),
    "service: starts": lambda: judge_unit("activating", "start-pre", 0),
    "service: starts again": lambda: judge_unit("activating", "start-pre", 1),
    "service: about to start again": lambda: judge_unit("activating", "auto-restart", 0),
    "service: keeps nothing": lambda: judge_unit("active", "running", 3),
    "certificate: well": lambda: dates(NOW),
    "certificate: last day": lambda: dates(OWN.not_after - SECOND),
    "certificate: expired": lambda: dates(OWN.not_after),
    "certificate: not yet valid": lambda: dates(OWN.not_before - SECOND),
    "certificate: first moment": lambda: dates(OWN.not_before),
    "certificate: ends in 30 days": lambda: dates(OWN.not_after - SOON),
    "certificate: ends in less": lambda: dates(OWN.not_after - SOON + SECOND),
    "certificate: ends in 1 day": lambda: dates(OWN.not_after - DAY),
    "certificate: ends in hours": lambda: dates(OWN.not_after - 23 * HOUR),
    "certificate: clock never set": lambda: dates(EARLIEST - SECOND),
    "certificate: clock just set": lambda: judge_device(
        replace(DEVICE, own=replace(OWN, not_before=EARLIEST)), USER, EARLIEST
    ),
    "certificate: all is wrong": lambda: judge_device(
        replace(DEVICE, key_matches=False, for_clients=False, chain_holds=False, key_is_open=True), "kzn/site/k", NOW
    ),
    "certificate: open key of another group": lambda: judge_device(
        replace(DEVICE, chain_holds=None, key_is_open=True), USER, NOW, "pi"
    ),
    "certificate: enrolled": lambda: enrolled(NOW),
    "certificate: enrolled, due": lambda: enrolled(DUE),
    "certificate: enrolled, due for a day": lambda: enrolled(DUE + DAY),
    "certificate: enrolled, due for a day, tried within it": lambda: enrolled(DUE + DAY, Renewal(DUE + SECOND)),
    "certificate: enrolled, renewal has failed": lambda: enrolled(DUE + DAY, Renewal(DUE, "the office is dark", 1)),
    "certificate: enrolled, renewal fails": lambda: enrolled(
        DUE + DAY, Renewal(DUE + DAY, "the office is dark", 14, DUE)
    ),
    "certificate: enrolled, expired": lambda: enrolled(OWN.not_after, Renewal(OWN.not_after)),
    "certificate: enrolled, expired, renewal fails": lambda: enrolled(
        OWN.not_after, Renewal(OWN.not_after, "the office is dark", 14, DUE)
    ),
    "certificate: enrolled, clock never set": lambda: enrolled(EARLIEST - SECOND, Renewal(DUE, "it is dark", 14, DUE)),
    "certificate: enrolled, another key": lambda: judge_device(
        replace(DEVICE, key_matches=False), USER, NOW, enrolled=Enrolled(USER, None)
    ),
    "certificate: key in a TPM that is gone": lambda: judge_device(
        replace(DEVICE, key_matches=False, key_kind="tpm", key_trouble="no such device"), USER, NOW
    )[1:],
    "certificate: key of a token that is gone": lambda: judge_device(
        replace(DEVICE, key_matches=False, key_kind="pkcs11", key_trouble="no such token"), USER, NOW
    )[1:],
    "binding: its own board": lambda: [judge_binding(Binding(USER, "10ab"), ["10cd", "10ab"], USER)],
    "binding: another board": lambda: [judge_binding(Binding(USER, "10ab"), ["10cd"], USER)],
    "binding: no serial number": lambda: [judge_binding(Binding(USER, "10ab"), [], USER)],
    "binding: issued without one": lambda: [judge_binding(Binding(USER, None), ["10cd"], USER)],
    "binding: another name": lambda: [
        judge_binding(Binding("gp/site/kiosk-0043", "10ab"), ["10ab"], USER),
        *judge_device(
            replace(DEVICE, own=replace(OWN, common_name="gp/site/kiosk-0043")),
            USER,
            NOW,
            enrolled=Enrolled("gp/site/kiosk-0043", None),
        ),
    ],
    "certificate: of nobody": lambda: judge_device(replace(DEVICE, own=replace(OWN, common_name="")), USER, NOW),
    "probe: none": lambda: judge_probe(DEVICE, PROBE),
    "probe: none, enrolled": lambda: judge_probe(DEVICE, PROBE, Enrolled(USER, None)),
    "probe: there": lambda: judge_probe(replace(DEVICE, others=(PROBE,)), PROBE),
    "page: none": lambda: [judge_page(None, "kiosk-0042.local", NOW)],
    "page: well": lambda: [judge_page(OF_PAGE, "kiosk-0042.local", NOW)],
    "page: ended": lambda: [judge_page(replace(OF_PAGE, not_after=NOW), "kiosk-0042.local", NOW)],
    "page: another's": lambda: [judge_page(OF_PAGE, "kiosk-0043.local", NOW)],
    "authority: well, beside an old one": lambda: judge_authorities(
        [AUTHORITY, replace(AUTHORITY, common_name="Old", not_after=NOW - DAY)], NOW
    ),
    "authority: expired": lambda: judge_authorities([replace(AUTHORITY, not_after=NOW - DAY)], NOW),
    "authority: none": lambda: judge_authorities([OWN], NOW),
    "authority: beside a broker's own": lambda: judge_authorities([OWN, AUTHORITY], NOW),
    "broker's certificate: ends in 30 days": lambda: judge_broker(NOW + SOON, "b.example:8883", NOW),
    "broker's certificate: ends in less": lambda: judge_broker(NOW + SOON - SECOND, "b.example:8883", NOW),
    "disk: well": disk,
    "disk: large": lambda: disk(free_bytes=10 * GIB, outbox_bytes=256 * MIB),
    "disk: nearly large": lambda: disk(free_bytes=10 * GIB - MIB),
    "disk: read-only": lambda: disk(read_only=True),
    "disk: not mounted, read-only": lambda: disk(read_only=True, file_system="tmpfs"),
    "disk: full": lambda: disk(free_bytes=FULL_BYTES - 1),
    "disk: nearly full": lambda: disk(free_bytes=FULL_BYTES),
    "disk: no room for pictures": lambda: disk(free_bytes=KEEP - 1),
    "disk: just room for pictures": lambda: disk(free_bytes=KEEP),
    "disk: out of inodes": lambda: disk(free_files=0),
    "disk: one inode": lambda: disk(free_files=1),
    "disk: no limit on inodes": lambda: disk(free_files=None),
    "disk: tmpfs": lambda: disk(file_system="tmpfs"),
    "disk: ramfs": lambda: disk(file_system="ramfs"),
    "disk: overlay": lambda: disk(file_system="overlay"),
    "disk: full outbox, damaged once": lambda: disk(
        outbox_bytes=256 * MIB + 1, damaged=("alarms.db.damaged-1", "outbox.db.damaged-2")
    ),
    "disk: fast": lambda: [judge_trial("/var/lib/edge-agent", 2000.0)],
    "disk: slow": lambda: [judge_trial("/var/lib/edge-agent", 2001.0)],
    "error: of ours": lambda: [failure("/e/ca.pem: there is no such file: take it from the office; or ask")],
    "error: with nothing before the colon": lambda: [failure(": there is no such key")],
    "error: of others": lambda: [failure(OSError("it hangs"))],
    "pins: free": lambda: judge_use(WIRED, [PinUse(17, False), PinUse(22, False)], agent_runs=False),
    "pins: held": lambda: judge_use(WIRED, [PinUse(17, True, "lg"), PinUse(22, True, "lg")], agent_runs=True),
    "pins: taken by others": lambda: judge_use(
        WIRED, [PinUse(17, True, "spi0 CS0"), PinUse(22, True, "lg")], agent_runs=False
    ),
    "pins: taken by the kernel, not held": lambda: judge_use(
        WIRED, [PinUse(17, True), PinUse(22, False)], agent_runs=True
    ),
    "pins: held by another program": lambda: judge_use(
        WIRED, [PinUse(17, True, "lg"), PinUse(22, True, "lg")], agent_runs=True, held={22}
    ),
    "pins: all of the agent's": lambda: judge_use(
        WIRED, [PinUse(17, True, "lg"), PinUse(22, True, "lg")], agent_runs=True, held={17, 22}
    ),
    "inputs: at rest": lambda: judge_levels([POLICE, POLICE_NC, InputRead("door", False, False)]),
    "inputs: pressed, with a door open": lambda: judge_levels(
        [InputRead("door", True, False), replace(POLICE, active=True), replace(POLICE_NC, active=True)]
    ),
    "inputs: cut": lambda: judge_levels([POLICE, replace(POLICE_NC, active=True), InputRead("fire", True, True)]),
    "inputs: shorted": lambda: judge_levels([InputRead("fire", False, True), replace(POLICE, active=True), POLICE_NC]),
    "power: well": lambda: judge_throttled(0),
    "power: weak now and before": lambda: judge_throttled(0x1_0001),
    "power: weak and throttled, now and before": lambda: judge_throttled(0x5_0005),
    "power: weak before": lambda: judge_throttled(0x1_0000),
    "power: capped": lambda: judge_throttled(0x2),
    "power: throttled": lambda: judge_throttled(0x4),
    "power: soft limit": lambda: judge_throttled(0x8),
    "power: capped before": lambda: judge_throttled(0x2_0000),
    "power: throttled before": lambda: judge_throttled(0x4_0000),
    "power: soft limit before": lambda: judge_throttled(0x8_0000),
    "power: unknown bit": lambda: judge_throttled(0x10_0010),
    "power: kernel's alarm": lambda: judge_voltage_alarm(True),
    "power: no alarm": lambda: judge_voltage_alarm(False),
    "power: no word": no_word_on_power,
    "heat: no word": lambda: judge_temperature({}),
    "heat: well": lambda: judge_temperature({"cpu": 69.9, "a": 20.0}),
    "heat: warm": lambda: judge_temperature({"cpu": 70.0}),
    "heat: hot": lambda: judge_temperature({"cpu": 80.0, "zone": 79.0}),
    "time: synchronised": lambda: clock(NOW, TimeQuality.SYNCED, "chronyd", 60.0),
    "time: by the kernel's word": lambda: clock(NOW, TimeQuality.SYNCED, None, 61.0),
    "time: held over": lambda: clock(NOW, TimeQuality.HOLDOVER, "chronyd", -60.0),
    "time: no server reached": lambda: clock(NOW, TimeQuality.UNSYNCED, "chronyd"),
    "time: no service": lambda: clock(NOW, TimeQuality.UNSYNCED, None),
    "time: never set": lambda: clock(EARLIEST - SECOND, TimeQuality.SYNCED, "chronyd"),
    "time: earliest": lambda: clock(EARLIEST, TimeQuality.SYNCED, "chronyd"),
    "time: latest": lambda: clock(LATEST - SECOND, TimeQuality.SYNCED, "chronyd"),
    "time: too late": lambda: clock(LATEST, TimeQuality.SYNCED, "chronyd"),
    "pictures: well": lambda: judge_pictures(SEEN, 10, (640, 480)),
    "pictures: just fast enough": lambda: judge_pictures(replace(SEEN, count=8, seconds=1.0), 10, None),
    "pictures: just bright enough": lambda: judge_pictures(replace(SEEN, brightness=8.0), 10, None),
    "pictures: black, slow, too wide": lambda: judge_pictures(
        replace(SEEN, brightness=7.9, seconds=4.0), 12.5, (320, 480)
    ),
    "pictures: too high": lambda: judge_pictures(SEEN, 10, (640, 720)),
    "pictures: one": lambda: judge_pictures(replace(SEEN, count=1), 10, None),
    "pictures: two at once": lambda: judge_pictures(replace(SEEN, count=2, seconds=0.0), 10, None),
    "pictures: two": lambda: judge_pictures(replace(SEEN, count=2, seconds=0.1), 10, None),
    "model: fast enough": lambda: judge_speed(50.0, "LiteRT 2.3", 20, None),
    "model: too slow": lambda: judge_speed(60.0, "LiteRT 2.3", 20, ""),
    "model: no delegate": lambda: judge_speed(10.0, "LiteRT 2.3", 20, "delegate edgetpu can't be loaded"),
    "network: no interface": links,
    "network: no cable": lambda: links(Link("eth0", up=False), Link("wlan0", up=False)),
    "network: not joined": lambda: links(Link("wlan0", up=False)),
    "network: no address": lambda: links(Link("eth0", True, ("169.254.7.8", "fe80::1")), Link("wlan0", up=False)),
    "network: well": ways,
    "network: nobody asked": lambda: ways(default=False, asked=0),
    "network: no router, and none is needed": lambda: ways(default=False),
    "network: no route": lambda: ways(unreachable=["b.example"]),
    "network: no route, no names": lambda: ways(default=False, unresolved={"b.example": "no answer"}),
    "network: no name server": lambda: ways(unresolved={"b.example": "no server"}),
    "network: a name server that is silent": lambda: ways(unresolved={"b.example": "no answer"}),
    "network: an unknown name": lambda: ways(unresolved={"b.example": "unknown"}),
    "network: one name of two": lambda: ways(unresolved={"b.example": "unknown"}, asked=2),
    "vision: 32-bit Debian 13": lambda: [failure(install_advice(2**31 - 1, 12))],
    "vision: checkout": lambda: [failure(install_advice(2**32, 11))],
    "vision: 32-bit package": lambda: packaged(lambda: [failure(install_advice(2**32 - 1, 11))]),
    "vision: 64-bit package": lambda: packaged(lambda: [failure(install_advice(2**32, 12))]),
    "wear: no disk": lambda: judge_wear(None),
    "wear: new": lambda: judge_wear(Wear("mmcblk0", False, (1, 0), 1)),
    "wear: no life, normal": lambda: judge_wear(Wear("mmcblk0", False, (0, 0), 1)),
    "wear: old": lambda: judge_wear(Wear("mmcblk0", False, (2, 9), 1)),
    "wear: nearly old": lambda: judge_wear(Wear("mmcblk0", False, (8, 2), 1)),
    "wear: few spare blocks": lambda: judge_wear(Wear("mmcblk0", False, (0, 0), 2)),
    "wear: worn out": lambda: judge_wear(Wear("mmcblk0", False, (11, 2), 1)),
    "wear: spare blocks gone": lambda: judge_wear(Wear("mmcblk0", False, (2, 2), 3)),
    "wear: a card": lambda: judge_wear(Wear("mmcblk0", True)),
    "wear: no account": lambda: judge_wear(Wear("sda", False)),
}


def packaged(case: Callable[[], list[Finding]]) -> list[Finding]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(installation, "_CODE", Path("/opt/edge-agent/agent.py"))
        return case()


def told(case: str) -> str:
    """As in `words.txt`."""
    findings = CASES[case]()
    lines = [
        f"  {finding.state}: {finding.what}\n" + (f"      -> {finding.do}\n" if finding.do else "")
        for finding in findings
    ]
    return f"{case}\n{''.join(lines) or NOTHING}"


@pytest.mark.parametrize("case", CASES)
def test_a_technician_reads_these_words(case: str) -> None:
    known = {text.partition("\n")[0]: text.rstrip("\n") + "\n" for text in WORDS.read_text().split("\n\n")}
    assert told(case) == known.get(case, "")


def test_the_list_of_words_has_no_case_that_is_gone() -> None:
    assert [text.partition("\n")[0] for text in WORDS.read_text().split("\n\n")] == list(CASES)


if __name__ == "__main__":
    WORDS.write_text("\n".join(map(told, CASES)))
