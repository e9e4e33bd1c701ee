"""The one table of what the lamps say, in the languages of the poster.

If you speak one of them well, read all its words, mend them, and put your name into `reviewed_by`: the poster then no
longer says that nobody has. The words must stay as true as docs/promise.md: yellow is a call that is being sent, green
is a person at the centre, and help on its way is what the centre says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent.contract.lamps import (
    IDENTIFY,
    NOT_ENROLLED,
    OUT_OF_SERVICE,
    REFUSED,
    TEST_MODE,
    LightState,
    Pattern,
    for_open_alarms,
)
from agent.contract.stages import Stage, Waits

NS = 10**9


class Pictogram(StrEnum):
    """What a moment means to somebody who reads none of the languages."""

    PRESS = "a finger on a button"
    CALLING = "a bell that rings"
    UNANSWERED = "a bell and a question mark"
    PERSON = "somebody"
    COMING = "somebody who comes"
    NO_CALL = "a bell, crossed out"
    NO_PERSON = "somebody, crossed out"
    SEARCH = "a magnifying glass"
    POWER = "the sign of a power switch"


@dataclass(frozen=True, slots=True)
class Language:
    """One language of the poster."""

    code: str
    """As of ISO 639-1."""
    name: str
    reviewed_by: str = ""
    """The speaker who has read all its words; empty: nobody has."""


LANGUAGES = (
    Language("en", "English", reviewed_by="the language that the others are translated from"),
    Language("zu", "isiZulu"),
    Language("st", "Sesotho"),
    Language("af", "Afrikaans"),
)
Words = tuple[str, str, str, str]
"""The same in each of LANGUAGES."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that the lamps say. `states` are the lights, in the order of time; they differ in the tone alone."""

    when: str
    pictogram: Pictogram
    says: Words
    states: Sequence[LightState]

    @property
    def lamps(self) -> LightState:
        """What the lamps do, and the tone at first."""
        return self.states[0]


def _stages(*stages: Stage) -> list[LightState]:
    return [for_open_alarms([stage]) for stage in stages]


_WAITS = Waits()
NO_ANSWER_S = _WAITS.delayed_after_ns // NS
TONE_S = _WAITS.unconfirmed_after_ns // NS

CALL = (
    Moment(
        "before and after a call",
        Pictogram.PRESS,
        (
            "Ready. Need help? Press the button.",
            "Ilungile. Udinga usizo? Cindezela inkinobho.",
            "E lokile. O hloka thuso? Tobetsa konopo.",
            "Gereed. Hulp nodig? Druk die knoppie.",
        ),
        _stages(Stage.IDLE, Stage.CLOSED),
    ),
    Moment(
        "from the press on",
        Pictogram.CALLING,
        (
            "Your call is being sent.",
            "Isicelo sakho sosizo siyathunyelwa.",
            "Kopo ya hao ya thuso e ntse e romelwa.",
            "Jou noodoproep word gestuur.",
        ),
        _stages(Stage.RAISED, Stage.SENT),
    ),
    Moment(
        f"unanswered for {NO_ANSWER_S} s",
        Pictogram.UNANSWERED,
        (
            "No answer yet. The kiosk keeps calling.",
            "Akukho mpendulo okwamanje. Sisacela usizo.",
            "Ha ho karabo hajwale. Re ntse re kopa thuso.",
            "Nog geen antwoord nie. Die kiosk roep steeds.",
        ),
        _stages(Stage.DELAYED, Stage.UNCONFIRMED),
    ),
    Moment(
        "somebody has answered",
        Pictogram.PERSON,
        (
            "A person at the centre has your call.",
            "Umuntu esikhungweni usitholile isicelo sakho.",
            "Motho setsing o amohetse kopo ya hao.",
            "'n Persoon by die sentrum het jou oproep.",
        ),
        _stages(Stage.REGISTERED),
    ),
    Moment(
        "help was sent",
        Pictogram.COMING,
        (
            "The centre says: help is on its way.",
            "Isikhungo sithi: usizo lusendleleni.",
            "Setsi se re: thuso e tseleng.",
            "Die sentrum sê: hulp is op pad.",
        ),
        _stages(Stage.DISPATCHED),
    ),
)
"""A call, from before the press until it is closed."""

OTHER_TIMES = (
    Moment(
        "nobody would hear a press",
        Pictogram.NO_CALL,
        (
            "Out of service. Press anyway, and seek other help.",
            "Ayisebenzi kahle. Cindezela, funa nolunye usizo.",
            "Ha e sebetse hantle. Tobetsa, o batle thuso e nngwe.",
            "Buite werking. Druk tog, en soek ook ander hulp.",
        ),
        [OUT_OF_SERVICE],
    ),
    Moment(
        "test mode",
        Pictogram.NO_PERSON,
        (
            "Test: a press now brings no help.",
            "Kuyahlolwa: ukucindezela manje akulethi usizo.",
            "Teko: ho tobetsa jwale ha ho tlise thuso.",
            "Toets: 'n druk bring nou geen hulp nie.",
        ),
        [TEST_MODE],
    ),
    Moment(
        "a technician looks for it",
        Pictogram.SEARCH,
        (
            "A technician looks for this kiosk. Need help? Press.",
            "Uchwepheshe ufuna le khiyoski. Udinga usizo? Cindezela.",
            "Setsebi se batla kiosk ena. O hloka thuso? Tobetsa.",
            "'n Tegnikus soek die kiosk. Hulp nodig? Druk.",
        ),
        [IDENTIFY],
    ),
    Moment(
        "no power, or stopped",
        Pictogram.POWER,
        (
            "Switched off. Seek other help.",
            "Icishiwe. Funa olunye usizo.",
            "E timme. Batla thuso e nngwe.",
            "Afgeskakel. Soek ander hulp.",
        ),
        [LightState(Pattern.OFF, Pattern.OFF, Pattern.OFF, Pattern.OFF)],
    ),
)
"""While no call is open."""

BEFORE = (
    Moment(
        "not let in yet",
        Pictogram.NO_CALL,
        (
            "Not in use yet. Seek other help.",
            "Ayikasetshenziswa. Funa olunye usizo.",
            "Ha e so sebediswe. Batla thuso e nngwe.",
            "Nog nie in gebruik nie. Soek ander hulp.",
        ),
        [NOT_ENROLLED],
    ),
    Moment(
        "refused: a person must act",
        Pictogram.NO_CALL,
        (
            "Not in use: it needs a technician. Seek other help.",
            "Ayisebenzi: idinga uchwepheshe. Funa olunye usizo.",
            "Ha e sebediswe: e hloka setsebi. Batla thuso e nngwe.",
            "Nie in gebruik nie: dit kort 'n tegnikus. Soek ander hulp.",
        ),
        [REFUSED],
    ),
)
"""Before the device is enrolled: no press is heard."""

TITLE: Words = ("What the lamps say", "Zithini izibani?", "Mabone a reng?", "Wat die ligte sê")
YELLOW: Words = (
    "Left: the yellow lamp.",
    "Kwesokunxele: isibani esiphuzi.",
    "Letshehadi: lebone le lesehla.",
    "Links: die geel lig.",
)
GREEN: Words = (
    "Right: the green lamp.",
    "Kwesokudla: isibani esiluhlaza okotshani.",
    "Letona: lebone le letala.",
    "Regs: die groen lig.",
)
RHYTHMS: dict[Pattern, Words] = {
    Pattern.ON: ("lit", "sikhanya njalo", "le dula le kganya", "brand"),
    Pattern.FAST_FLASH: ("flashes fast", "sicwayiza ngokushesha", "le panya ka potlako", "flits vinnig"),
    Pattern.FLASH: ("flashes", "siyacwayiza", "le a panya", "flits"),
    Pattern.SLOW_PULSE: ("slowly on and off", "sicwayiza kancane", "le panya butle", "flits stadig"),
    Pattern.OFF: ("dark", "sicishile", "le timme", "donker"),
}
OTHER_HELP: Words = ("Other help", "Olunye usizo", "Thuso e nngwe", "Ander hulp")
