"""Whoever consumes our messages needs pydantic and nothing else."""

import sys

from tests.support.run import ran

PROGRAM = """
import sys
from importlib import import_module
from importlib.abc import MetaPathFinder

MINE = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection", "agent"}

class Gate(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in MINE | sys.stdlib_module_names and not top.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)
        if name.startswith("agent.") and not name.startswith("agent.contract"):
            raise ModuleNotFoundError(f"{name} is no part of the contract", name=name)

sys.meta_path.insert(0, Gate())
from pkgutil import iter_modules
import agent.contract
names = [each.name for each in iter_modules(agent.contract.__path__)]
for name in names:
    import_module(f"agent.contract.{name}")
from agent.contract.kinds import KINDS
for kind in KINDS.values():
    kind.data.model_json_schema()
alarm = {"alarm_id": "a1", "input": "police", "kind": "panic", "status": "actual", "silent": False, "press_count": 1,
         "stage": "raised", "raised_at": "2026-01-01T00:00:00.000Z", "codes": {"contact_id": "120", "sia": "PA"},
         "latency_ms": {}, "of_a_later_version": 1}
print(len(names), KINDS["alarm-raised"].data.model_validate(alarm).stage)
try:
    import jwt
except ModuleNotFoundError as error:
    print(error)
"""


def test_the_contract_is_imported_and_validates_with_pydantic_alone() -> None:
    done = ran(sys.executable, "-c", PROGRAM)
    assert done.returncode == 0, done.stderr
    counted, refused = done.stdout.splitlines()
    assert int(counted.split()[0]) > 10
    assert counted.endswith("raised")
    assert refused == "jwt is not installed here", "the gate lets others through"
