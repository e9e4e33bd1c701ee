"""What is wrong with something that somebody has sent, in words for a person."""

import re

from pydantic import ValidationError


def mistake(error: ValidationError, inside: str = "") -> str:
    """Say the first mistake that a model has found, in one short line: the name of the field, after `inside`, and what
    is wrong with it. The name may be the sender's: it is in ASCII, and cut."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = inside + ascii(".".join(str(part) for part in first["loc"]))[1:-1][:100]
    match first["type"]:
        case "missing":
            return f"{name} is missing"
        case "extra_forbidden":
            return f"{name} is not known here"
        case "string_pattern_mismatch" if "a-z0-9" in first["ctx"]["pattern"]:
            return f"{name} must be 1 to 64 of a-z, 0-9 and -"
        case "string_pattern_mismatch":
            return f"{name} must be one line, without control or format characters"
    said = re.sub(r"^\w+ should", "must", first["msg"].removeprefix("Value error, "))
    said = said.replace("a valid dictionary", "an object")
    return f"{name} {said}" if name and said.startswith("must") else ": ".join(filter(None, (name, said)))
