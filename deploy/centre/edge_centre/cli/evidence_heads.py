"""`edge-centre evidence heads`: keeps at the centre what devices publish of their chains."""

import argparse
import queue
import socket
import time
from hashlib import sha256
from pathlib import Path

from edge_centre.cli.sender import say
from edge_centre.cli.target import add_options, target_of
from edge_centre.library import Centre, Heads, HeadsError, Notice, Refused, Unreadable

_AGAIN_S = 5.0
_EXAMPLE = """\
Example, as a service that systemd starts again (Restart=always):
  edge-centre evidence heads /var/lib/centre/heads.jsonl --broker mqtts://broker-a.gp.example:8884 \\
    --broker mqtts://broker-b.gp.example:8884 --ca ca.pem --cert centre.pem --cert-key centre.key

Give every broker. While it is away, each broker keeps what comes for it, for up to two weeks.
"""


def add_action(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `heads`."""
    one = actions.add_parser(
        "heads",
        help="keep what devices publish of their chains, until Ctrl-C",
        description="Add the newest entry of each camera's chain, as devices publish it, to a file that no device can "
        "reach, with the time at which it came: `evidence verify --heads FILE` shows by it whether a chain was cut or "
        "written anew. An entry that contradicts one in the file is refused, goes to FILE.refused, and is told.",
        epilog=_EXAMPLE,
    )
    one.add_argument("file", type=Path, metavar="FILE", help="where to keep them; made if it is not there")
    add_options(one, every_broker=True)
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Keep heads until interrupted."""
    target = target_of(args, every=args.device is None)
    notices: queue.SimpleQueue[Notice] = queue.SimpleQueue()
    place = f"{socket.gethostname()} {args.file.resolve()}"
    centre = Centre(
        target.brokers,
        tls=target.tls,
        root=target.identity.root,
        session=f"heads-{sha256(place.encode()).hexdigest()[:12]}",
        filters=[target.identity.up("evidence")],
        on_notice=notices.put,
        on_link=lambda url, up, why: say(f"{url}: {'connected' if up else f'no connection ({why}); trying again'}"),
    )
    with Heads(args.file) as heads, centre:
        centre.await_connection()
        while True:
            _keep(heads, notices.get())


def _keep(heads: Heads, notice: Notice) -> None:
    if isinstance(notice, Unreadable):
        say(f"{notice.topic}: not kept: {notice.reason}")
    while True:
        try:
            found = heads.hear(notice)
        except HeadsError as error:  # what comes meanwhile waits
            say(f"{error}: nothing is kept until that is mended; trying again")
            time.sleep(_AGAIN_S)
            continue
        if isinstance(found, Refused):
            what = f"entry {found.seq} of the camera {found.camera} of {found.device} is REFUSED: {found.why}"
            say(f"{what}. Find out whether its card was replaced: docs/evidence.md, Keep the heads")
        elif found is not None:
            print(f"{found.device} {found.camera}: entry {found.seq}", flush=True)
        return
