import socket
import threading
import traceback
from collections.abc import Iterator

import pytest

from agent.adapters import child_link
from agent.adapters.child_link import CoreGoneError, CoreLink
from agent.core.camera.link import Heartbeat, SnapshotFailed, Start, Stop, TakeSnapshot, ToVision, decode_for_vision
from agent.core.camera.vision_spec import VisionSpec
from agent.core.link_lines import LinkError, encode

SPEC = VisionSpec(name="front", source="picamera2:0", model="m", model_directories=("d",), snapshot_directory="s")


@pytest.fixture
def core_and_link() -> Iterator[tuple[socket.socket, CoreLink[ToVision]]]:
    core, vision = socket.socketpair()
    link = CoreLink(vision, decode_for_vision)
    yield core, link
    link.close()
    core.close()


Ends = tuple[socket.socket, CoreLink[ToVision]]


def test_the_spec_comes_first(core_and_link: Ends) -> None:
    core, link = core_and_link
    core.sendall(encode(Start(spec=SPEC)) + encode(TakeSnapshot(id="a")))

    assert link.first(Start).spec == SPEC
    assert link.receive() == TakeSnapshot(id="a")


def test_another_first_message_is_refused(core_and_link: Ends) -> None:
    core, link = core_and_link
    core.sendall(encode(Stop()))

    with pytest.raises(LinkError, match="is no Start"):
        link.first(Start)


def test_messages_that_arrive_in_pieces_are_put_together(core_and_link: Ends) -> None:
    core, link = core_and_link
    line = encode(Start(spec=SPEC))

    def send_in_pieces() -> None:
        for at in range(0, len(line), 7):
            core.sendall(line[at : at + 7])

    sender = threading.Thread(target=send_in_pieces)
    sender.start()

    assert link.first(Start).spec == SPEC
    sender.join()


def test_the_end_of_the_link_is_told_even_in_the_middle_of_a_line(core_and_link: Ends) -> None:
    core, link = core_and_link
    core.sendall(b'{"t": "st')
    core.close()

    with pytest.raises(CoreGoneError):
        link.receive()


def test_a_bad_line_is_an_error_and_not_the_end(core_and_link: Ends) -> None:
    core, link = core_and_link
    core.sendall(b"nonsense\n" + encode(Stop()))

    with pytest.raises(LinkError, match=r"^bad line on the vision link: the whole line: "):
        link.receive()
    assert link.receive() == Stop()


def test_listening_hands_on_messages_until_the_link_ends(core_and_link: Ends) -> None:
    core, link = core_and_link
    core.sendall(encode(TakeSnapshot(id="a")) + encode(TakeSnapshot(id="b")))
    core.close()
    got: list[object] = []
    link.listen(got.append, got.append)

    assert got[:2] == [TakeSnapshot(id="a"), TakeSnapshot(id="b")]
    assert isinstance(got[2], CoreGoneError)


def test_messages_of_several_threads_do_not_mix(core_and_link: Ends) -> None:
    core, link = core_and_link
    detail = "x" * 5000

    def send_many() -> None:
        for _ in range(20):
            link.send(SnapshotFailed(id="a", detail=detail))

    threads = [threading.Thread(target=send_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    with core.makefile("rb") as lines:
        got = {lines.readline() for _ in range(80)}
    for thread in threads:
        thread.join()

    assert got == {encode(SnapshotFailed(id="a", detail=detail))}


def test_sending_to_a_core_that_has_gone_is_told(core_and_link: Ends) -> None:
    core, link = core_and_link
    core.close()

    with pytest.raises(CoreGoneError):
        link.send(SnapshotFailed(id="a", detail=""))


def test_sending_to_a_core_that_does_not_read_ends_after_the_limit(
    core_and_link: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_link, "SEND_LIMIT_S", 1)
    core, vision = socket.socketpair()
    link = CoreLink(vision, decode_for_vision)
    beat = Heartbeat(
        state="ok",
        detail="x" * 100_000,
        frames=0,
        frames_per_second=0,
        inferences_per_second=0,
        inference_ms=0,
        frame_age_ms=None,
        persons=0,
        rss_bytes=0,
    )

    def send_until_the_buffers_are_full() -> None:
        for _ in range(100):
            link.send(beat)

    with pytest.raises(CoreGoneError):
        send_until_the_buffers_are_full()
    link.close()
    core.close()


def test_a_start_of_another_version_is_refused_without_a_word_of_what_it_holds(core_and_link: Ends) -> None:
    core, link = core_and_link
    spec = SPEC.model_copy(update={"camera": "a", "source": "rtsp://admin:hunter2@10.0.0.9/live"})
    core.sendall(encode(Start(spec=spec)).replace(b'"masks":', b'"veils":'))

    with pytest.raises(LinkError) as caught:
        link.first(Start)
    assert str(caught.value) == "bad line on the vision link: start.spec.veils: extra_forbidden"
    assert "hunter2" not in "".join(traceback.format_exception(caught.value)), "as a log of the thread would have it"
