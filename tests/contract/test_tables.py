import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel

from agent.contract.commands import TABLE as COMMANDS
from agent.contract.envelope import MessageFactory
from agent.contract.kinds import KINDS
from agent.contract.security import SECURITY, SecurityKind
from edge_centre.schema.results import OUTPUTS, REJECTIONS, RESULTS
from tests.support.message_table import IDENTITY, TABLE

SOURCES = sorted((Path(__file__).parents[2] / "agent").rglob("*.py"))
BY_TYPE = {kind.type: kind for kind in KINDS.values()}


def found_in_source(pattern: str) -> set[Any]:
    return {match for path in SOURCES for match in re.findall(pattern, path.read_text(encoding="utf-8"))}


def test_every_kind_of_security_event_has_a_row() -> None:
    assert tuple(SECURITY) == get_args(SecurityKind)


def test_every_kind_of_security_event_is_reported_somewhere() -> None:
    reported = found_in_source(r'(?:\.report\(|\.record\(|Notice\(|"[a-z]+":)\s*"([a-z-]+)"')
    assert set(SECURITY) - reported == set()


def calls(name: str) -> Iterator[ast.Call]:
    """Every call of something with this name, in the agent."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name:
                yield node


def told_details() -> Iterator[tuple[str, set[str]]]:
    """Each kind that is reported by name, with the names in its detail; not those that are passed on in a variable."""
    for call in [*calls("report"), *calls("Notice")]:
        kind = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
        if kind in SECURITY and not any(word.arg is None for word in call.keywords):
            of_notice = [each for each in call.args[2:] if isinstance(each, ast.Dict)]
            keys = {str(key.value) for each in of_notice for key in each.keys if isinstance(key, ast.Constant)}
            yield str(kind), keys | {str(word.arg) for word in call.keywords} - {"is_logged", "ok", "detail"}


def test_every_security_event_is_reported_with_the_detail_of_its_row() -> None:
    told = [*told_details()]
    assert len({kind for kind, _ in told}) > 12, "the search finds the calls no more"
    for kind, names in told:
        detail = SECURITY[kind].detail  # type: ignore[index]
        assert names == set(get_type_hints(detail)), kind


def test_every_result_of_a_command_has_a_row() -> None:
    found = found_in_source(r'(?:CommandOutcome\(|order_id,)\s*"([a-z-]+)", "([a-z-]+)"')
    assert ("failed", "alarm-open") in found, "the search finds the codes no more"
    assert found - {(row.status, row.code) for row in RESULTS} == set()


def test_the_codes_of_rejections_are_those_of_their_table() -> None:
    assert found_in_source(r'CommandRejected\(\s*"([a-z-]+)"') == set(REJECTIONS)


def test_what_a_result_puts_out_is_known_by_the_name_of_a_command() -> None:
    assert set(OUTPUTS) - set(COMMANDS) == {"unknown"}


@pytest.mark.parametrize("row", [row for row in TABLE if row[2] in BY_TYPE], ids=lambda row: row[2])
def test_the_table_of_messages_says_what_the_factory_makes(row: Any) -> None:
    draft = row[0](MessageFactory(IDENTITY))
    kind = BY_TYPE[draft.type]
    assert isinstance(draft.data, kind.data)
    fields = draft.data.model_dump(mode="json")
    about = f"/{fields[kind.about]}" if kind.about else ""
    assert draft.topic == IDENTITY.up(kind.level) + about
    assert draft.subject == kind.subject.format(**fields)


def test_every_model_of_the_contract_says_what_it_is() -> None:
    models = {kind.data for kind in KINDS.values()} | {command.args for command in COMMANDS.values()}
    assert [model.__name__ for model in models if model.__doc__ in {None, BaseModel.__doc__}] == []
