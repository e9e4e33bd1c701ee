"""A film that was made to keep its judge busy is judged soon, or refused with a reason."""

import time
from io import BytesIO
from pathlib import Path

import pytest

from agent.trust.evidence.manifest import read
from edge_centre.evidence.media_signing import apart
from edge_centre.evidence.media_signing.film import judged
from edge_centre.evidence.media_signing.keys import Trust
from edge_centre.evidence.mp4 import Mp4, Unreadable
from edge_centre.evidence.segments import film_of
from tests.support.altered_container import film_in_fragments
from tests.support.hostile_media import KINDS, hostile
from tests.support.signed_media import box, signing

_BYTES = 1_000_000
_MOST_S = 5.0
"""Of processor; the same as a film of ten times so many bytes may take."""


@pytest.mark.parametrize("kind", KINDS)
def test_an_operator_waits_for_no_film_that_keeps_its_judge_busy(kind: str) -> None:
    began_s = time.process_time()
    try:
        found = judged(Mp4.read(BytesIO(hostile(kind, _BYTES))), Trust(signing().ca))
        assert found.result.value in {"not authentic", "not signed"}
    except Unreadable as error:
        assert str(error)  # noqa: PT017 - both are good
    assert time.process_time() - began_s < _MOST_S


def test_those_who_watch_wait_for_no_part_or_list_that_is_made_of_crumbs() -> None:
    began_s = time.process_time()
    for crumb in (box(b"mdat"), box(b"free")):
        film_of([crumb * (10_000_000 // len(crumb))])
    for crumb in (b"{}\n", b'{"lost":1}\n', b"\n"):
        assert read(b'{"manifest":1}\n' + crumb * (10_000_000 // len(crumb)), "a.manifest").findings
    assert time.process_time() - began_s < 15


def test_a_film_that_takes_too_long_or_too_much_memory_is_refused_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    film, trust = film_in_fragments(), Trust(signing().ca)
    assert apart.said(film, trust, None)["verdict"] == "authentic"
    with monkeypatch.context() as patch:
        patch.setattr(apart, "_CPU_S", 1.0)
        with pytest.raises(Unreadable, match=r"refused: checking it takes (more|longer) than . s"):
            apart.said(hostile("signatures behind pictures", 8_000_000), trust, None)
    with monkeypatch.context() as patch:
        patch.setattr(apart, "_BYTES", 30 << 20)
        with pytest.raises(Unreadable, match="refused: checking it takes more than 37 MiB of memory"):
            apart.said(hostile("fields", 10_000_000), trust, None)
    with pytest.raises(Unreadable, match="refused: checking it takes longer than 0 s"):
        apart.said(film, trust, None, longest_s=0.01)


def test_the_process_that_reads_a_film_has_no_key_of_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "child"
    script.write_text('#!/bin/sh\nprintf \'{"keys": "%s"}\' "$(env | grep -c AWS_)"\n')
    script.chmod(0o755)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(apart, "_COMMAND", (str(script),))
    assert apart.said(b"", Trust(None), None) == {"keys": "0"}
