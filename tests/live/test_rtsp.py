"""A stream goes to the one server that proves its name, and to no other; what that does wrong is said plainly."""

import ssl
from itertools import pairwise
from pathlib import Path

import pytest

from agent.live import rtsp
from agent.live.rtp import CHANNEL_SIZE, Packetizer, nal_units_of, session_description
from agent.live.rtsp import PushError, RecordSession
from tests.support.certificates import Authority
from tests.support.scripted_media_server import ScriptedMediaServer
from tests.support.wait import wait_for

SPS, PPS = bytes.fromhex("6742c01e"), bytes.fromhex("68ce3c80")
IDR = b"\x65" + bytes(range(1, 251)) * 20
LOGIN = "kiosk:secret"
INTERLEAVED = "Transport: interleaved=0-1\r\n"
SHORT = "RTSP/1.0 200 OK\r\nSession: 7;timeout=1\r\n" + INTERLEAVED


def push(server: ScriptedMediaServer, ca: Authority | None = None, url: str = "") -> RecordSession:
    """A session that has begun."""
    session = RecordSession(url or server.url, str((ca or server.authority).ca), LOGIN)
    try:
        session.begin(session_description([SPS, PPS, IDR], rtsp.CONTROL))
    except BaseException:
        session.socket.close()
        raise
    return session


def no_wait(seconds: float) -> None:
    assert seconds < 1


def test_a_stream_is_announced_set_up_recorded_sent_and_ended(tmp_path: Path) -> None:
    with ScriptedMediaServer(tmp_path) as server:
        with push(server) as session:
            session.send(Packetizer().frames([SPS, PPS, IDR], 10**9), no_wait)
            session.end()
        wait_for(lambda: "TEARDOWN" in server.methods, what="the end of the session")
    assert server.methods == ["ANNOUNCE", "SETUP", "RECORD", "TEARDOWN"]
    assert f"SETUP {server.url}/streamid=0 RTSP/1.0" in server.asked[1]
    assert all("\r\nAuthorization: Basic a2lvc2s6c2VjcmV0\r\n" in each for each in server.asked)
    assert all("\r\nSession: 7\r\n" in each for each in server.asked[2:])
    assert units_of(server.packets) == [SPS, PPS, IDR]


def units_of(packets: list[bytes]) -> list[bytes]:
    """The NAL units of packets, as any receiver puts them together."""
    found: list[bytes] = []
    for packet in packets:
        payload = packet[12:]
        if payload[0] & 0x1F != 28:
            found.append(payload)
        elif payload[1] & 0x80:
            found.append(bytes((payload[0] & 0xE0 | payload[1] & 0x1F,)) + payload[2:])
        else:
            found[-1] += payload[2:]
    return found


def test_packets_are_small_count_up_and_mark_the_end_of_a_picture() -> None:
    packetizer = Packetizer()
    first, second = (packetizer.frames([SPS, IDR], time_ns) for time_ns in (10**9, 2 * 10**9))
    packets = list(split(first)) + list(split(second))
    numbers = [int.from_bytes(packet[2:4], "big") for packet in packets]
    assert [(after - before) & 0xFFFF for before, after in pairwise(numbers)] == [1] * 9
    assert max(map(len, packets)) <= 1412
    assert [bool(packet[1] & 0x80) for packet in packets] == [False] * 4 + [True] + [False] * 4 + [True]
    times = [int.from_bytes(packet[4:8], "big") for packet in packets]
    assert (times[-1] - times[0]) & 0xFFFF_FFFF == 90_000
    [report] = split(packetizer.report(2 * 10**9, 1_800_000_000 * 10**9))
    assert (report[1], int.from_bytes(report[8:12], "big")) == (200, 1_800_000_000 + 2_208_988_800)
    assert int.from_bytes(report[20:24], "big") == len(packets)


def split(frames: bytes) -> list[bytes]:
    found = []
    while frames:
        length = int.from_bytes(frames[2:4], "big")
        found.append(frames[CHANNEL_SIZE : CHANNEL_SIZE + length])
        frames = frames[CHANNEL_SIZE + length :]
    return found


def test_units_are_told_apart_by_their_lengths() -> None:
    units = [SPS, PPS, IDR]
    assert nal_units_of(b"".join(len(each).to_bytes(4, "big") + each for each in units)) == units


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"ANNOUNCE": "RTSP/1.0 401 Unauthorized\r\n"}, "it wants another login"),
        ({"ANNOUNCE": "RTSP/1.0 403 Forbidden\r\n"}, "it forbids the stream"),
        ({"ANNOUNCE": "RTSP/1.0 404 Not Found\r\n"}, "it has no such place"),
        ({"RECORD": "RTSP/1.0 500 Oh\r\n"}, "it answers 500"),
        ({"ANNOUNCE": "RTSP/1.0 302 Moved\r\nLocation: rtsps://other/\r\n"}, "redirect .302., which is never followed"),
        ({"SETUP": "RTSP/1.0 200 OK\r\n"}, "names no session"),
        ({"SETUP": "RTSP/1.0 200 OK\r\nSession: 7\r\nTransport: RTP/AVP;unicast\r\n"}, "takes no stream in the connec"),
        ({"SETUP": "cut"}, "has ended the connection"),
        ({"ANNOUNCE": "HTTP/1.1 400 Bad Request\r\n"}, "speaks no RTSP"),
        ({"ANNOUNCE": "RTSP/1.0 200 OK\r\nContent-Length: -1\r\n"}, "speaks no RTSP"),
    ],
)
def test_what_a_server_refuses_is_said_without_path_and_login(
    tmp_path: Path, answers: dict[str, str], said: str
) -> None:
    with ScriptedMediaServer(tmp_path, answers) as server, pytest.raises(PushError, match=said) as failed:
        push(server)
    assert "secret" not in str(failed.value)
    assert "/a/front" not in str(failed.value)
    assert len(server.asked) <= 3


@pytest.mark.parametrize("answers", [{"HELLO": "silence"}, {"ANNOUNCE": "silence"}, {"RECORD": "silence"}])
def test_a_server_that_never_answers_is_given_up(
    tmp_path: Path, answers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtsp, "_SETUP_S", 0.5)
    with ScriptedMediaServer(tmp_path, answers) as server, pytest.raises(TimeoutError):
        push(server)


def test_a_server_that_takes_nothing_more_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.adapters.paced_socket.STALL_S", 0.3)
    with ScriptedMediaServer(tmp_path, {"TEARDOWN": "silence"}) as server, push(server) as session:
        session.end()
        session.socket.setblocking(False)
        large = Packetizer().frames([b"\x65" + bytes(20_000_000)], 0)
        with pytest.raises(TimeoutError):
            session.send(large, no_wait)


def test_no_login_and_no_picture_leave_for_a_server_that_does_not_prove_its_name(tmp_path: Path) -> None:
    with ScriptedMediaServer(tmp_path) as server, pytest.raises(ssl.SSLCertVerificationError):
        push(server, Authority(tmp_path / "another"))
    assert server.asked == []
    with ScriptedMediaServer(tmp_path / "b", hosts=("media.example",)) as server:
        with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
            push(server)
        assert server.asked == []


@pytest.mark.parametrize(
    "answers",
    [
        {"ANNOUNCE": "RTSP/1.0 200 OK\r\nSession: 7;timeout=1\r\n", "SETUP": "RTSP/1.0 200 OK\r\n" + INTERLEAVED},
        {"ANNOUNCE": "\r\nRTSP/1.0 100 Continue\r\n\r\nRTSP/1.0 200 OK\r\n", "SETUP": SHORT},
        {"OPTIONS": "RTSP/1.0 501 Not Implemented\r\n", "SETUP": SHORT},
    ],
)
def test_what_a_server_may_do_otherwise_is_taken(tmp_path: Path, answers: dict[str, str]) -> None:
    def is_kept() -> bool:
        session.tick()
        return server.methods.count("OPTIONS") > 1

    with ScriptedMediaServer(tmp_path, answers) as server, push(server) as session:
        wait_for(is_kept)
        assert all("\r\nSession: 7\r\n" in each for each in server.asked[2:])


def test_authorities_that_cant_be_read_are_called_so(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    for file in (tmp_path / "none.pem", empty):
        with pytest.raises(PushError, match="the media server's authorities can't be read"):
            RecordSession("rtsps://127.0.0.1:1/a", str(file), None)


def test_a_session_is_kept_alive_and_its_end_is_heard(tmp_path: Path) -> None:
    with ScriptedMediaServer(tmp_path, {"SETUP": SHORT, "OPTIONS": "RTSP/1.0 454 Session Not Found\r\n"}) as server:
        with push(server) as session:

            def heard() -> bool:
                with pytest.raises(PushError, match="forgotten the session"):
                    wait_for(session.tick)
                return True

            assert heard()
        assert server.methods[-1] == "OPTIONS"
