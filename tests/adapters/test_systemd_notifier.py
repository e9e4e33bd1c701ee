import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.adapters.systemd_notifier import SystemdNotifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """Stands for systemd: a datagram socket and what NOTIFY_SOCKET says of it."""
    name = f"edge-agent-test-{secrets.token_hex(8)}"
    address = str(tmp_path / "notify") if request.param == "path" else f"@{name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(address.replace("@", "\0") if request.param == "abstract" else address)
        sock.settimeout(5)
        yield sock, address


def test_every_message_arrives(manager: tuple[socket.socket, str]) -> None:
    sock, address = manager
    notifier = SystemdNotifier({"NOTIFY_SOCKET": address})

    notifier.ready()
    notifier.watchdog()
    notifier.status("2 alarms\nopen")
    notifier.stopping()

    assert [sock.recv(100) for _ in range(4)] == [
        b"READY=1",
        b"WATCHDOG=1",
        b"STATUS=2 alarms open",
        b"STOPPING=1",
    ]


def test_without_a_service_manager_nothing_happens(caplog: pytest.LogCaptureFixture) -> None:
    notifier = SystemdNotifier({})

    notifier.ready()
    notifier.stopping()

    assert notifier.watchdog_interval_s is None
    assert not caplog.records


def test_a_service_manager_that_is_gone_is_an_error_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    notifier = SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})

    notifier.ready()
    notifier.watchdog()

    assert [r.levelname for r in caplog.records].count("ERROR") == 1


def test_a_service_manager_that_does_not_read_holds_nobody_back(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        notifier = SystemdNotifier({"NOTIFY_SOCKET": address})
        for _ in range(2000):  # more than any queue takes
            notifier.watchdog()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"WATCHDOG_USEC": "20000000"}, 20.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid() + 1)}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_interval_is_read_when_it_is_meant_for_us(environ: dict[str, str], expected: float | None) -> None:
    assert SystemdNotifier(environ).watchdog_interval_s == expected
