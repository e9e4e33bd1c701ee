"""The pictures of the lamps: what the agent's table says, in the rhythm of the pins, unread translations marked."""

import dataclasses
import re
import xml.etree.ElementTree as ET

import pytest

from agent.adapters import gpiozero_lights
from agent.contract import lamps
from agent.contract.lamps import LightState, Pattern, for_open_alarms
from agent.contract.stages import Stage
from deploy.lamps.__main__ import DOCS, PICTURES
from edge_centre.signage import poster, words
from edge_centre.signage.rhythm import SECONDS, lit
from edge_centre.signage.words import BEFORE, CALL, LANGUAGES, OTHER_TIMES, Language

SVG = "{http://www.w3.org/2000/svg}"
MOMENTS = (*CALL, *OTHER_TIMES, *BEFORE)
OUTPUTS = ("yellow", "green", "beacon", "tone")


def texts(svg: str) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter(f"{SVG}text"))


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_in_docs_are_what_the_tables_say(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PICTURES[name](), "run: make lamps"


def test_everything_that_the_lamps_can_say_is_told_and_once() -> None:
    told = [state for moment in MOMENTS for state in dict.fromkeys(moment.states)]
    stages = {for_open_alarms([stage]) for stage in Stage}
    others = {value for value in vars(lamps).values() if isinstance(value, LightState)}
    dark = LightState(Pattern.OFF, Pattern.OFF, Pattern.OFF, Pattern.OFF)
    assert set(told) == stages | others | {dark}
    assert len(told) == len(set(told))


def test_what_one_picture_stands_for_differs_in_the_tone_alone() -> None:
    for moment in MOMENTS:
        assert len({dataclasses.replace(state, tone=Pattern.OFF) for state in moment.states}) == 1


def test_no_two_moments_look_alike_without_colour() -> None:
    """By where a lamp is, whether it is lit, and its rhythm."""
    looks = [tuple(tuple(lit(name, getattr(moment.lamps, name))) for name in OUTPUTS[:3]) for moment in MOMENTS]
    assert len(set(looks)) == len(MOMENTS)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("pattern", Pattern)
def test_a_bar_shows_what_the_pin_does(output: str, pattern: Pattern) -> None:
    class Pin:
        value = False

    pin = Pin()
    driven = gpiozero_lights._Output(output, pin)
    driven.pattern = pattern
    for step in range(int(SECONDS * 16)):
        now = (step + 0.5) / 16
        driven.drive(now)
        assert pin.value == any(begin <= now < end for begin, end in lit(output, pattern)), now


@pytest.mark.parametrize("language", range(1, len(LANGUAGES)))
def test_a_language_that_no_speaker_has_reviewed_is_marked_wherever_it_stands(
    language: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = LANGUAGES[language].name

    def drawn(reviewed_by: str) -> list[str]:
        listed = [Language(each.code, each.name, "somebody") for each in LANGUAGES]
        listed[language] = Language(LANGUAGES[language].code, name, reviewed_by)
        monkeypatch.setattr(poster, "LANGUAGES", tuple(listed))
        return [str(text.text) for text in texts(poster.poster())]

    raw = drawn("")
    assert f"DRAFT, not to be hung up.  * Not reviewed by a speaker: {name}." in raw
    assert raw.count(f"{name} *") == len(MOMENTS)
    assert name not in raw
    assert not any("*" in text or "DRAFT" in text for text in drawn("a speaker"))


def test_every_word_is_on_the_poster_in_every_language_and_nothing_leaves_the_page() -> None:
    shown = texts(poster.poster())
    plain = [str(text.text).removesuffix(f" {poster.MARK}") for text in shown]
    for said in (*(moment.says for moment in MOMENTS), words.YELLOW, words.GREEN, *words.RHYTHMS.values()):
        assert len(set(said)) == len(LANGUAGES)
        assert set(said) <= set(plain)
    for text in shown:
        width = 0.58 * float(text.get("font-size", 0)) * len(str(text.text))
        assert float(text.get("x", 0)) + width <= poster.WIDTH, text.text
        assert float(text.get("y", 0)) <= poster.HEIGHT, text.text


def test_the_words_of_the_lamps_promise_no_more_than_the_centre_has_said() -> None:
    """Nobody is said to have the call before green, and help on its way is told as the centre's word."""
    _, sent, unanswered, registered, dispatched = (moment.says[0] for moment in CALL)
    assert not re.search(r"person|centre|help", sent + unanswered)
    assert "person at the centre" in registered
    assert dispatched.startswith("The centre says:")
