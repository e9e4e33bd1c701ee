"""A pytest plugin for mutmut's first run, which notes the tests that reach each function.

Every test with a pipeline or a publisher in it reaches the outbox and the identifiers, and would be run for each of
their mutants. Of these two files only what their own tests notice counts.
"""

from fnmatch import fnmatch

import pytest
from mutmut.state import state

_OWN_TESTS = {
    "agent.contract.uuid7": "tests/contract/test_uuid7.py",
    "agent.outbox.outbox": "tests/outbox/test_outbox*.py",
}
"""By module, the files of the tests that are for it."""


@pytest.hookimpl(tryfirst=True)  # mutmut notes in this hook what the test has reached
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Leave out what `item` has reached of a module that has tests of its own, when it is none of them."""
    file = item.nodeid.partition("::")[0]
    reached = state()._stats  # mutmut has no setting for it
    for function in list(reached):
        own = _OWN_TESTS.get(function.rpartition(".")[0])
        if own is not None and not fnmatch(file, own):
            reached.discard(function)
