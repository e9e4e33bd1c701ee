"""What anybody has published, made fit for a terminal."""


def printable(text: object) -> str:
    """Return the text with an escape in place of each character that a terminal or a log might act on."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(text))
