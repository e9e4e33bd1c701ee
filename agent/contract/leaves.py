"""What a signature over a document covers: every place in it by its JSON pointer (RFC 6901), with a hash of what stands
there. So whoever checks the document can name the place that was altered."""

import base64
import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from agent.contract.errors import EdgeAgentError


class DocumentError(EdgeAgentError):
    """The text is not a whole JSON document, or says something twice."""


def canonical(value: Any) -> bytes:
    """Return the one form of a JSON value: keys in order, no spaces, UTF-8.

    It is that of RFC 8785 for what a report is made of: text, whole numbers, true and false, and names of fields in
    ASCII.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def hashes_of(part: Any, pointer: str) -> dict[str, str]:
    """Return the SHA-256 in hex of the canonical form of every leaf of a part of a document, by its pointer; `pointer`
    is that of the part. An empty list or object is a leaf."""
    return {place: digest(leaf) for place, leaf in _leaves(part, pointer)}


def digest(value: Any) -> str:
    """Return the SHA-256 of a value's canonical form, in hex."""
    return sha256(canonical(value)).hexdigest()


def base64url(content: bytes) -> str:
    """Return bytes as a JWS has them."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def altered(part: Any, pointer: str, hashes: Mapping[str, str]) -> list[str]:
    """Return each place of a part that is not as the list of hashes says, with what happened to it."""
    found = hashes_of(part, pointer)
    places = sorted(place for place in found.keys() | hashes.keys() if found.get(place) != hashes.get(place))
    done = ["removed" if place not in found else "altered" if place in hashes else "added" for place in places]
    return [f"{place} was {what}" for place, what in zip(places, done, strict=True)]


def parse(content: bytes) -> Any:
    """Return a JSON document in which no object names a field twice: one reader would take the first, another the last.
    Nor does it hold half a surrogate pair, which is not text: nothing that holds it can be encoded.

    Raises DocumentError.
    """
    try:
        text = content.decode("utf-8-sig")  # given bytes, the library would let half a pair pass
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        ended = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated")
        why = "it was cut short" if ended else f"line {error.lineno}, column {error.colno} is not JSON"
        raise DocumentError(why) from error
    except (ValueError, RecursionError) as error:  # not UTF-8, too deep, or a number of thousands of digits
        raise DocumentError(f"it is not JSON: {str(error)[:100]}") from error
    return found


def _leaves(value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from _leaves(each, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from _leaves(each, f"{pointer}/{number}")
    else:
        yield pointer, value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DocumentError(f"{ascii(twice)[1:-1][:100]} stands in it twice")
    return found


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")
