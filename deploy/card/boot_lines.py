"""`config.txt` and `cmdline.txt` with a profile's lines and words in them. Merged twice they are as merged once."""

import re

from deploy.card.errors import CardError

BEGIN, END = "# >>> edge-agent", "# <<< edge-agent"
WORDS = ("cgroup_enable=memory",)
"""Without it no memory limit of the unit is in force: the firmware switches that controller off."""
_WIFI_OFF = re.compile(r"^(dtoverlay=disable-wifi(?:-pi5)?)$", re.MULTILINE)


def block(lines: str) -> str:
    """Return `lines` between the two marks by which a later run finds them."""
    return f"{BEGIN}\n{lines.strip()}\n{END}\n"


def without_block(text: str) -> str:
    """Return `text` without what an earlier run has put there. Raises CardError where a mark has lost the other."""
    if (text.count(BEGIN), text.count(END)) not in {(0, 0), (1, 1)}:
        raise CardError(f"somebody has edited what is between {BEGIN!r} and {END!r}: write the card again, run this")
    return re.sub(rf"{re.escape(BEGIN)}\n.*?{re.escape(END)}\n", "", text, flags=re.DOTALL)


def wifi_is_off(profile: str) -> bool:
    """Whether the lines of `profile` switch the board's Wi-Fi off."""
    return bool(_WIFI_OFF.search(profile))


def config(text: str, profile: str, wifi: bool = False) -> str:
    """Return `config.txt` with the lines of `profile` at its end; with `wifi` they leave Wi-Fi on.

    They may have been appended by hand before: those lines go.
    """
    text = without_block(text.replace("\r\n", "\n")).replace(profile, "")
    if wifi:
        profile = _WIFI_OFF.sub(r"#\1", profile)
    return f"{text.rstrip()}\n\n{block(profile)}"


def command_line(text: str, words: tuple[str, ...]) -> str:
    """Return `cmdline.txt` with those `words` that it lacks.

    Before its first `systemd.` word, since the Imager's firstrun.sh at its end cuts off all that follows
    (raspberrypi/rpi-imager, src/customization_generator.cpp: sed 's| systemd.run.*||g'). Raises CardError where it is
    not one line: the firmware would read the first alone.
    """
    lines = text.split("\n")
    if not text.strip() or any(line.strip() for line in lines[1:]):
        raise CardError("cmdline.txt is not one line: write the card again, run this")
    known = lines[0].split()
    new = [word for word in words if word not in known]
    at = next((index for index, word in enumerate(known) if word.startswith("systemd.")), len(known))
    early = [word for word in new if not word.startswith("systemd.")]
    late = [word for word in new if word.startswith("systemd.")]
    return " ".join((*known[:at], *early, *known[at:], *late)) + "\n"
