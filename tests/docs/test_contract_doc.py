import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from pydantic import BaseModel

from agent.contract import device, events, messages
from agent.contract.camera_events import EVENTS
from agent.contract.commands import COMMANDS, AckArgs, Claims, IdentifyArgs, SnapshotArgs, TestModeArgs
from agent.contract.kinds import KINDS, TYPES
from agent.contract.messages import Draft, Envelope, Payload, Rank
from agent.contract.security import SECURITY
from agent.contract.stages import Stage
from agent.trust.jose_keys import KeyRing, PrivateKey, sign
from edge_centre.library.kept_lists import DECIDED_AFTER_S
from edge_centre.schema.results import REJECTIONS, RESULTS

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")


def as_code(word: str) -> bool:
    """Whether the document has the word in code style, alone or as a part of a topic or type."""
    spans = re.findall(r"`([^`\n]+)`", DOCUMENT)
    return any(word in re.split(r"[/\s{}:.*\[\]]+", span) or word == span for span in spans)


def missing(words: Iterable[str]) -> list[str]:
    return sorted(word for word in words if not as_code(word))


def test_every_topic_that_the_device_speaks_under_is_described() -> None:
    levels = {kind.level for kind in KINDS.values()} | {"security", "snapshot"}
    assert [level for level in sorted(levels) if f"`D/up/{level}" not in DOCUMENT] == []


def test_every_message_type_is_described() -> None:
    assert missing(kind for kind in TYPES if not kind.startswith("edge.event.")) == []
    assert [kind for kind in TYPES if f"`{kind[:-1]}" not in DOCUMENT] == []


def test_every_command_is_described() -> None:
    assert [name for name in COMMANDS if f"`D/down/command/{name}`" not in DOCUMENT] == []


def test_every_code_of_a_result_is_described() -> None:
    assert missing({*REJECTIONS, *(row.code for row in RESULTS)}) == []


def test_every_kind_of_security_event_is_described() -> None:
    assert missing(SECURITY) == []


def payloads() -> list[type[BaseModel]]:
    found = {name: model for module in (messages, events, device) for name, model in vars(module).items()}
    models = [model for model in found.values() if isinstance(model, type) and issubclass(model, BaseModel)]
    of_cameras = [event.data for event in EVENTS.values()]
    return [model for model in models if model not in {BaseModel, Draft, Payload}] + of_cameras


@pytest.mark.parametrize(
    "model", [*payloads(), Claims, AckArgs, SnapshotArgs, IdentifyArgs, TestModeArgs], ids=lambda model: model.__name__
)
def test_every_field_is_described(model: type[BaseModel]) -> None:
    fields = set(model.model_fields)
    if model is Envelope:  # shown in the example
        fields = {name for name in fields if f'"{name}":' not in DOCUMENT}
    assert missing(fields) == []


def test_whoever_follows_a_record_by_the_letter_finds_no_false_holes() -> None:
    """What a broker has retained says how far the record was long ago. `tests/vectors/loss.json` has the library
    begin so."""
    begins = "whoever hears a device for the first time begins with the `recorddone` of the first message that is "
    assert f"{begins}neither retained nor `historical`" in " ".join(DOCUMENT.split())


def test_a_subscriber_is_told_not_to_ring_for_what_only_an_older_list_has_and_how_long_to_wait_for_a_newer_one() -> (
    None
):
    text = " ".join(DOCUMENT.split())
    assert "do not ring for an alarm that only the older list has" in text
    assert ("every broker has sent its list of that device, or half a second after" in text, DECIDED_AFTER_S) == (
        True,
        0.5,
    )


def test_every_stage_and_class_is_described() -> None:
    assert missing(stage.value for stage in Stage) == []
    assert [rank.name for rank in Rank if rank.name.lower() not in DOCUMENT] == []


def test_the_example_of_signing_gives_the_token_that_is_shown_and_the_key_of_the_key_set_verifies_it() -> None:
    secret, header, claims, token = re.findall(
        r"private key `(\S+)`.*?header `(\S+)`.*?```json\n(\S+)\n```.*?```text\n(\S+)\n```", DOCUMENT, re.DOTALL
    )[0]
    entry = json.loads(re.findall(r"```json\n(\{\"keys\".*?)```", DOCUMENT, re.DOTALL)[0])["keys"][0]
    key = PrivateKey.from_jwk({**entry, "d": secret})
    assert (key.kid, key.public().as_jwk()) == (json.loads(header)["kid"], entry)
    assert sign(json.loads(claims), key).decode() == token
    ring = KeyRing()
    ring.take([entry], 1)
    ring.reload()
    assert ring.verify(token.encode()).claims == json.loads(claims)
