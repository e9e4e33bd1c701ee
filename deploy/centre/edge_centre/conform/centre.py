"""Grades a subscriber: plays the scenarios at once, each with devices of its own, and collects what was wrong."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from agent.contract.errors import BrokerError
from agent.trust.jose_keys import KeyRing
from agent.trust.tls_context import TlsFiles
from edge_centre.conform.answering import ANSWERING
from edge_centre.conform.fleet import Fleet, Player
from edge_centre.conform.report import Report
from edge_centre.conform.scenarios import SHOWING, too_large
from edge_centre.conform.verdict import Finding, finding, name_of

Scenario = Callable[[Player], None]
SCENARIOS: tuple[Scenario, ...] = (*SHOWING, *ANSWERING, too_large)
FIRST_WORD_S = 30.0
"""How long the subscriber may take to say its first word."""


def grade(
    brokers: Sequence[str],
    tls: TlsFiles,
    root: str,
    keys: KeyRing,
    scenarios: Sequence[Scenario] = SCENARIOS,
    on_finding: Callable[[Finding], None] = lambda _: None,
) -> Report:
    """Grade the subscriber that is running at these brokers; `keys` are those that it signs with.

    `on_finding` is called as each scenario ends, on its thread. Raises BrokerError if a broker can't be used, or if
    nobody says anything on the result topic.
    """
    with Fleet(brokers, tls, root, keys) as fleet:
        _await_first_word(fleet)

        def play(scenario: Scenario) -> Finding:
            found = finding(scenario, fleet.player(name_of(scenario)))
            on_finding(found)
            return found

        # Whoever fails the last one hears nothing of the others.
        together = [each for each in scenarios if each is not too_large]
        last = [each for each in scenarios if each is too_large]
        with ThreadPoolExecutor(len(scenarios)) as pool:
            try:
                findings = [*pool.map(play, together), *pool.map(play, last)]
            except BaseException:
                fleet.give_up()
                raise
        with fleet.changed:
            bad = sorted(set(fleet.bad_views))
        form = Finding("result-topic", "every view is of the form", "failed" if bad else "passed", bad[:10])
        left_out = [name_of(each) for each in SCENARIOS if each not in scenarios]
        return Report("centre", fleet.centre, brokers, [form, *findings], left_out)


def _await_first_word(fleet: Fleet) -> None:
    hello = fleet.player("hello")
    end_s = time.monotonic() + FIRST_WORD_S
    while time.monotonic() < end_s:
        hello.birth()
        if fleet.wait(lambda: bool(hello.views), 1.0):
            with fleet.changed:
                fleet.bad_views.clear()  # what is retained may be of another program, or of an earlier version
            return
    bad = f" that can be read ({fleet.bad_views[-1]})" if fleet.bad_views else ""
    raise BrokerError(f"nobody says anything{bad} on {fleet.root}/conform/CENTRE/view: start your subscriber first")
