"""What the models' docstrings say of each field.

Pydantic could read them itself (`use_attribute_docstrings`), but then it parses every source at each start of
the agent.
"""

import ast
import inspect
import itertools
import sys
import textwrap
from functools import cache


def of_fields(model: type) -> dict[str, str]:
    """Return the docstring of each field of a model or a TypedDict, those that it inherits included."""
    found: dict[str, str] = {}
    for base in reversed(_lineage(model)):
        found |= _own(base.__module__, base.__qualname__)
    return found


def of_class(model: type) -> str:
    """Return the docstring of a class in one paragraph."""
    return _flowing(inspect.cleandoc(model.__doc__ or ""))


def _lineage(model: type) -> list[type]:
    """Return the classes that have fields of the model; a TypedDict does not know its bases as others do."""
    mro = list(getattr(model, "__mro__", ()))
    bases = [base for base in getattr(model, "__orig_bases__", ()) if isinstance(base, type)]
    return [*mro, *(base for base in bases if base not in mro)]


@cache
def _classes(module: str) -> dict[str, ast.ClassDef]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


@cache
def _own(module: str, name: str) -> dict[str, str]:
    if not module.startswith(("agent.", "edge_centre.")) or name not in _classes(module):
        return {}
    body = _classes(module)[name].body
    found = {}
    for field, after in itertools.pairwise(body):
        is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            found[field.target.id] = _flowing(textwrap.dedent(str(after.value.value)))  # type: ignore[attr-defined]
    return found


def _flowing(text: str) -> str:
    return " ".join(text.split())
