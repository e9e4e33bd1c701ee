"""Words of somebody else, made fit for a log, a message or a report. Pure."""

_LONGEST = 300


def plain(text: str) -> str:
    """Return a text in one line without whatever controls a terminal, cut to a bearable length."""
    return "".join(each if each.isprintable() else " " for each in text)[:_LONGEST].strip()
