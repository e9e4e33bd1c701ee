"""What of a change would break somebody who was built against the contract before it.

Whoever reads a message must still find in it all that was always there, of the types that it had. Whoever sends a
command must still be understood. New optional fields, new types and new commands break nobody.
"""

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
LIMITS = (
    "format",
    "pattern",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "maxLength",
    "minLength",
    "maxItems",
    "minItems",
    "default",
)


def breaking(old: Document, new: Document) -> list[str]:
    """Return what breaks, in a line each, from one AsyncAPI document to the next."""
    return [*_breaking(old, new)]


def _is_retained_now(old: Document, new: Document) -> bool:
    """Whether a broker keeps what it did not keep before, and nothing else has changed: whoever listens hears all that
    they heard, and what is older only when they subscribe, marked as such."""
    before, after = ({**each["bindings"]["mqtt"], "retain": True} for each in (old, new))
    return bool(old["action"] == new["action"] == "send" and before == after == new["bindings"]["mqtt"])


def _breaking(old: Document, new: Document) -> Iterator[str]:
    for name, operation in old["operations"].items():
        now = new["operations"].get(name)
        if now is None:
            yield f"{name}: the channel is gone"
            continue
        for what in ("action", "bindings"):
            if operation[what] != now[what] and not _is_retained_now(operation, now):
                yield f"{name}: its {what} changed from {operation[what]} to {now[what]}"
        if old["channels"][name]["address"] != new["channels"][name]["address"]:
            yield f"{name}: its topic changed"
        is_read = operation["action"] == "send"
        for message in old["channels"][name]["messages"]:
            if message not in new["channels"][name]["messages"]:
                yield f"{message}: the message is gone"
                continue
            yield from _Pair(old, new, is_read).messages(message)


class _Pair:
    """Two documents, whose schemas are compared. `is_read`: the device says it; else it hears it."""

    def __init__(self, old: Document, new: Document, is_read: bool) -> None:
        self._documents = old, new
        self._old, self._new = old["components"]["schemas"], new["components"]["schemas"]
        self._is_read = is_read

    def messages(self, name: str) -> Iterator[str]:
        before, after = (each["components"]["messages"][name] for each in self._documents)
        if before["contentType"] != after["contentType"]:
            yield f"{name}: its content type changed"
        for part in ("payload", "x-claims"):
            if part in before:
                yield from self.changes(before[part], after.get(part, {}), name)

    def changes(self, old: Document, new: Document, at: str) -> Iterator[str]:
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        if old.get("type") != new.get("type"):
            yield f"{at}: its type changed from {old.get('type', 'any')} to {new.get('type', 'any')}"
            return
        yield from self._values(old, new, at)
        yield from self._properties(old, new, at)
        for inner, sign in (("items", "[]"), ("additionalProperties", ".*")):
            before, after = old.get(inner), new.get(inner)
            if isinstance(before, dict):
                yield from self.changes(before, after if isinstance(after, dict) else {}, f"{at}{sign}")
            elif inner == "additionalProperties" and before is not False and after is False:
                yield f"{at}: nothing else may be in it any more"
        yield from self._choices(old.get("anyOf", []), new.get("anyOf", []), at)
        now = {_about(rule): rule for rule in new.get("allOf", [])}
        for rule in old.get("allOf", []):
            after = now.get(_about(rule), {})
            yield from self.changes(rule["then"], after.get("then", {}), at)
            if _codes(after) and (gone := _codes(rule) - _codes(after)):
                yield f"{at}: promises nothing any more of the output of {sorted(gone)}"

    def _values(self, old: Document, new: Document, at: str) -> Iterator[str]:
        for limit in LIMITS:
            if old.get(limit) != new.get(limit):
                yield f"{at}: its {limit} changed from {old.get(limit, 'none')} to {new.get(limit, 'none')}"
        before, after = old.get("enum"), new.get("enum")
        if (before is None) != (after is None):
            yield f"{at}: its list of values came or went"
        elif before is not None and after is not None:
            if self._is_read and (added := [each for each in after if each not in before]):
                yield f"{at}: may have the new values {added}, and its list was closed"
            if not self._is_read and (gone := [each for each in before if each not in after]):
                yield f"{at}: no longer takes {gone}"
        if gone := [each for each in old.get("x-extensible-enum", []) if each not in new.get("x-extensible-enum", [])]:
            yield f"{at}: no longer knows {gone}"

    def _properties(self, old: Document, new: Document, at: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        must, must_now = set(old.get("required", [])), set(new.get("required", []))
        for name, given in before.items():
            if name not in after:
                yield f"{at}.{name}: the field is gone"
            else:
                yield from self.changes(given, after[name], f"{at}.{name}")
                if self._is_read and name in must - must_now:
                    yield f"{at}.{name}: is not always there any more"
        for name in sorted(must_now - must):
            if name not in before and self._is_read:
                yield f"{at}.{name}: devices of the version before don't send it, so mark it MAY_BE_MISSING"
            elif not self._is_read:
                yield f"{at}.{name}: must be given now"

    def _choices(self, old: list[Document], new: list[Document], at: str) -> Iterator[str]:
        def fits(one: Document, other: Document) -> bool:
            return one == {"type": other.get("type")} or not [*self.changes(one, other, at)]

        old, new = ([_resolved(each, known) for each in found] for found, known in ((old, self._old), (new, self._new)))

        if self._is_read and not all(any(fits(one, other) for one in old) for other in new):
            yield f"{at}: may be something else now"
        if not self._is_read and not all(any(fits(one, other) for other in new) for one in old):
            yield f"{at}: no longer takes one of its forms"


def _resolved(schema: Document, known: dict[str, Document]) -> Document:
    """Return what a reference leads to, together with what a more general schema says."""
    if name := str(schema.get("$ref", "")).rpartition("/")[2]:
        return _resolved(known[name], known)
    rules = schema.get("allOf", [])
    for general in [_resolved(rule, known) for rule in rules if "$ref" in rule]:
        properties = {**general["properties"], **schema["properties"]}
        required = [*general["required"], *schema.get("required", [])]
        schema = {**schema, "properties": properties, "required": required}
    return {**schema, "allOf": [rule for rule in rules if "$ref" not in rule]} if rules else schema


def _codes(rule: Document) -> set[str]:
    """Return the codes that a rule is about; empty if it is about all."""
    return {*rule.get("if", {}).get("properties", {}).get("code", {}).get("enum", ())}


def _about(rule: Document) -> str:
    """Return the name of the command whose results a rule is about."""
    return str(rule["if"]["properties"]["name"]["const"])
