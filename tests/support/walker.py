"""A technician who walks through a device: does what `edge-agent commission` says, and answers what it asks."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tests.support.wait import wait_for

_SAID = re.compile(r"^\[\d+/\d+\] ([\w-]+): (.*)\n", re.MULTILINE)
_DONE = re.compile(r"^passed +label\b", re.MULTILINE)
_NAMED = r"The (?:button|contact) '([\w-]+)'"
NOTHING = r"(?!)"
"""Matches no step."""
_STEP_S = 420.0
"""Longer than any step takes a healthy device: it goes back to its first broker after five minutes."""
_BEACON_S = 300.0


class Hands(Protocol):
    """What moves the device's contacts, and sees its lamps. All of it raises when it can't."""

    def press(self, name: str, /) -> object:
        """Press a button and let it go."""

    def unplug(self, name: str, /) -> object:
        """Unplug the cable of a button."""

    def plug_in(self, name: str, /) -> object:
        """Plug it in again."""

    def open(self, name: str, /) -> object:
        """Open a contact that is closed at rest."""

    def close(self, name: str, /) -> object:
        """Close it again."""

    def cut_way(self) -> object:
        """Cut the way to the first broker."""

    def mend_way(self) -> object:
        """Mend it."""

    def cut_power(self) -> object:
        """Cut the supply of the device."""

    def lamps(self) -> Mapping[str, str]:
        """What each lamp does, in the words of the contract."""


class Terminal(Protocol):
    """Where the walk runs."""

    said: str

    def read_until(self, true: Callable[[str], Any], what: str, patience_s: float, /) -> None:
        """Read until this is true of all that was said. Raises when it does not come."""

    def types(self, line: str, /) -> None:
        """Type a line."""


class Walker:
    """`answer` has a person at the centre register the alarm of a test; `say` gets each line of the walk. Steps whose
    name `leaves_out` matches are left out."""

    def __init__(
        self, hands: Hands, answer: Callable[[], object], say: Callable[[str], object], leaves_out: str = NOTHING
    ) -> None:
        self._hands = hands
        self._leaves_out = re.compile(leaves_out)
        self._answer = answer
        self._say = say
        self._read_to = 0
        self._has_cut = False
        self._rules: tuple[tuple[str, Callable[..., object]], ...] = (
            (r"\(\d of \d seen\)$", lambda: None),
            (r"Do the lamps in front of you flash fast", lambda: self._sees(green="fast-flash", beacon="fast-flash")),
            (r"Is yellow lit", lambda: self._sees(beacon="flash")),
            (r"Do you hear the sounder", lambda: self._sees(tone="on")),
            (r"Is green lit", lambda: self._sees(yellow="on", green="on")),
            (rf"Ask the centre to answer the next test\. {_NAMED}", self._press_and_ask),
            (rf"{_NAMED}: press it once", hands.press),
            (rf"{_NAMED}: unplug its cable for at least (\d+) s", self._unplug),
            (rf"{_NAMED}: open what it guards, and close it again after (\d+) s", self._open),
            (rf"{_NAMED}: (?:switch the mains off|disconnect the battery)", hands.open),
            (r"^(?:Switch|Connect) the (mains|battery)", hands.close),
            (r"Cut the way to|Unplug the network", hands.cut_way),
            (r"Open that way again|Plug it in again", hands.mend_way),
            (r"^Wait until the device is at ", lambda: None),
            (r"The device tests itself|The device is getting ready", lambda: None),
        )

    def walks(self, terminal: Terminal) -> bool:
        """Do all that it says; return whether it came to its end, or to the power cut. Raises AssertionError."""
        self._read_to, left_out = 0, ""
        while True:
            terminal.read_until(self._has_said_more, "the next step", _STEP_S)
            if not (said := _SAID.search(terminal.said, self._read_to)):
                return True
            self._read_to = said.end()
            step, sentence = said[1], said[2].strip()
            self._say(f"  {step}: {sentence}")
            assert not sentence.startswith("FAILED"), terminal.said
            if self._leaves_out.match(step):
                if step != left_out:
                    left_out = step
                    terminal.types("l this is the short form of a walk")
                continue
            if sentence.startswith("Cut the power"):
                if self._has_cut:  # it says so again until the device has told of its new start
                    continue
                self._has_cut = True
                self._hands.cut_power()
                return False
            self._does(sentence)
            if sentence.endswith("[y/n]"):
                terminal.types("y")

    def waits_for_the_beacon(self) -> None:
        """Until it is steady: the device has started, and somebody watches."""
        wait_for(lambda: self._hands.lamps().get("beacon") == "steady", _BEACON_S, "the beacon")

    def _has_said_more(self, said: str) -> bool:
        return bool(_SAID.search(said, self._read_to) or _DONE.search(said, self._read_to))

    def _does(self, sentence: str) -> None:
        for pattern, does in self._rules:
            if found := re.search(pattern, sentence):
                does(*found.groups())
                return
        raise AssertionError(f"nobody knows what to do when it says: {sentence}")

    def _unplug(self, name: str, for_s: str) -> None:
        self._hands.unplug(name)
        time.sleep(float(for_s))
        self._hands.plug_in(name)

    def _open(self, name: str, for_s: str) -> None:
        self._hands.open(name)
        time.sleep(float(for_s))
        self._hands.close(name)

    def _press_and_ask(self, name: str) -> None:
        self._hands.press(name)
        self._answer()

    def _sees(self, **lit: str) -> None:
        wait_for(lambda: lit.items() <= self._hands.lamps().items(), what=f"{lit}")
