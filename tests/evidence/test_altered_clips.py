"""Whatever is altered is found, and its place is named. Thousands more: `make evidence`."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.alterations import Scene, is_named, judged


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_nothing_that_was_left_alone_is_refused(scene: Scene) -> None:
    for clip in scene.clips:
        verdict = judged(scene.given(clip), scene.key)
        assert (verdict.word, [each for each in verdict.findings if each.kind != "note"]) == ("authentic", [])


def test_each_alteration_is_found_and_its_place_named(scene: Scene) -> None:
    for _ in range(300):
        altered = scene.altered()
        verdict = judged(altered.given, scene.key)
        assert is_named(verdict, altered), (altered.what, altered.file, altered.at, verdict.findings)


def test_a_revoked_key_counts_for_what_the_centre_had_heard_of_before(scene: Scene) -> None:
    given = scene.given(scene.clips[0])
    early = tuple(each._replace(at=each.at - timedelta(days=3)) for each in given.trust.heads)
    revoked = scene.revoked(given)

    assert judged(given._replace(trust=revoked), scene.key).word == "not authentic"
    assert judged(given._replace(trust=replace(revoked, heads=early)), scene.key).is_authentic
    assert judged(given._replace(trust=replace(revoked, heads=())), scene.key).word == "not authentic"


def test_a_clip_of_another_device_than_wanted_is_refused(scene: Scene) -> None:
    given = scene.given(scene.foreign, scene.other)
    verdict = judged(given._replace(trust=scene.own.trust(heads=False)), scene.key)
    assert verdict.word == "not authentic"
    assert "this is a recording of gp/jhb-park-station/kiosk-0043" in verdict.findings[0].text
