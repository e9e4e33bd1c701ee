"""`edge-agent renew`: get this device a new certificate before the old one ends."""

import argparse
import sys
from functools import partial

from agent.adapters.board import Board
from agent.adapters.broker_probe import reach
from agent.adapters.rights import TPM_GROUP, give_up_root
from agent.bootstrap import specs
from agent.cli.enrol import REFUSED, tools, use_provider
from agent.contract.command_line import add_config
from agent.core.errors import BrokerError, EdgeAgentError, NoProbeCertificate, StepFailed
from agent.doctor.brokers import log_in
from agent.provisioning.credentials import Set, Store
from agent.provisioning.est import RefusedError, Registrar
from agent.provisioning.renew import renew
from agent.settings import Settings, load
from agent.trust.broker_failures import endpoint_of
from agent.trust.tls_context import TlsFiles

_CLOCK_S = 30.0
_EXAMPLE = """\
Examples:
  sudo -u edge-agent edge-agent renew          what the timer does every hour
  sudo -u edge-agent edge-agent renew --now    not only when two thirds of its life are over

Exit codes: 0 renewed or not due, 1 failed (a later run tries again), 2 bad settings, 3 refused (ask the office).
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "renew",
        help="get this device a new certificate before the old one ends",
        description="Renew the certificate that enrolment has got, when two thirds of its life are over. The old one "
        "stays in use until a broker has let the new one in.",
        epilog=_EXAMPLE,
    )
    parser.add_argument("--now", action="store_true", help="even if it is not due")
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Renew if it is due; returns the exit code. Raises SettingsError, EdgeAgentError."""
    settings = load(args.config)
    give_up_root(settings.storage.directory, frozenset({TPM_GROUP}))  # as its unit, which runs as the service's user
    store = Store(settings.storage.directory)
    if store.current() is None:
        print("This device was set up by hand: its certificate can't be renewed by itself.")
        return 0
    with store.locked():
        current = store.current()
        if current is None:  # somebody has exchanged it since
            raise EdgeAgentError("the credentials are gone: run the command again, or enrol this device again")
        use_provider(current.bound().key)
        around = tools()
        around.wait_for_clock(_CLOCK_S)
        try:
            let_in = partial(_let_in, settings)
            renew(store, current, Registrar, let_in, around, serials=Board().serials(), now=args.now)
        except RefusedError as error:
            print(f"edge-agent: refused: {error}", file=sys.stderr)
            return REFUSED
    return 0


def _let_in(settings: Settings, new: Set) -> None:
    """Try these credentials at the brokers, as the probe, which ends no connection of the agent. Raises EdgeAgentError
    unless one of them lets it in."""
    files = {"ca_file": new.authorities, "cert_file": new.certificate, "key_file": new.key}
    known = settings.model_copy(update={"mqtt": settings.mqtt.model_copy(update=files)})
    failures = []
    for address in specs.broker_addresses(known):
        try:
            try:
                log_in(known, address, beside=True)
            except NoProbeCertificate:
                tls = TlsFiles(new.authorities, new.certificate, new.key)
                reach(endpoint_of(address.url), tls, known.mqtt.connect_timeout_s, lambda _: None)
        except (BrokerError, StepFailed) as error:
            failures.append(str(error))
        else:
            return
    raise EdgeAgentError("; ".join(failures))
