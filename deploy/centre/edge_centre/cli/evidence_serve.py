"""`edge-centre evidence serve`: shows uploaded recordings to the control room's page, through nginx."""

import argparse
from pathlib import Path

from agent.contract.errors import UsageError
from agent.trust.synced_file import append, sync_names
from edge_centre.cli.evidence_grant import add_store, store_key, store_of
from edge_centre.viewing.clip import Authorities
from edge_centre.viewing.store import Store
from edge_centre.viewing.web import Server, Viewing

PORT = 9002
"""Where deploy's site for nginx expects it."""
_EXAMPLE = """\
Example, as a service on the host of each page (Restart=always):
  export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...
  edge-centre evidence serve --store https://store.example/evidence --region af-south-1 \\
    --ca device-ca.pem --revoked device.crl --journal /var/lib/centre/who-looked.jsonl

The key needs the right to read objects there and to list them, and no other. Whoever reaches 127.0.0.1 on this host can
name anybody as the one who asks: nobody but its administrators should have an account there.
"""


def add_action(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `serve`; it sets `run`."""
    one = actions.add_parser(
        "serve",
        help="show uploaded recordings to the control room's page",
        description="Give parts of uploaded recordings, what they prove, and exports of them to the nginx of the "
        "control room's page on this host, until Ctrl-C. Each look is in the journal before anything is shown.",
        epilog=_EXAMPLE,
    )
    add_store(one)
    one.add_argument("--store-ca", type=Path, metavar="FILE", help="of the store, where the system does not trust it")
    text = "certificates (PEM) of the authorities of devices"
    one.add_argument("--ca", required=True, type=Path, metavar="FILE", help=text)
    one.add_argument("--revoked", type=Path, metavar="FILE", help="list of revoked devices (PEM), read at each check")
    text = "who has seen what, and when: a line of JSON each; without it nothing is shown"
    one.add_argument("--journal", required=True, type=Path, metavar="FILE", help=text)
    one.add_argument("--port", type=int, default=PORT, help=f"on 127.0.0.1 (default: {PORT})")
    one.set_defaults(run=run)


def _begin(journal: Path) -> None:
    """Make it so that the next line is a line, and is found after a power cut too. Raises OSError."""
    append(journal, b"")
    with journal.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - 1))
        last = file.read()
    if last not in {b"", b"\n"}:  # a power cut has left half a line
        append(journal, b"\n")
    sync_names(journal.parent)


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    authorities = Authorities(args.ca, args.revoked)
    try:
        authorities.trust("a/b/c")
        _begin(args.journal)
        store = Store(store_of(args.store), store_key(args.region), args.store_ca)
        server = Server(args.port, Viewing(store, authorities, args.journal))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise UsageError(f"{where}{(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    with server:
        print(f"listening on 127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()
    return 0
