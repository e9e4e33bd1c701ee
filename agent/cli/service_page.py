"""`edge-agent service-page`: serves a technician's phone while it is asked for. The unit runs it."""

import argparse
from pathlib import Path

from agent.adapters.rights import give_up_root
from agent.service_page.page import Paths, serve

_EXAMPLE = """\
Example (what edge-agent-service-page.service runs):
  edge-agent service-page --walk /run/edge-agent-page/walk --own /run/edge-agent-page
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "service-page",
        help="serve the service page while somebody asks for it (what its unit runs)",
        description="Serve the service page to a technician's phone, for as long as the agent asks for it by a file. "
        "Where nobody asks, no port is opened. Ask by the contact inside the cabinet, or with "
        "`edge-centre command service-page`. Exit code 0.",
        epilog=_EXAMPLE,
    )
    parser.add_argument("--agent", type=Path, default=Path("/run/edge-agent"), help="the agent's runtime directory")
    parser.add_argument("--walk", type=Path, required=True, help="the directory that keeps the walk")
    parser.add_argument("--own", type=Path, required=True, help="a directory of its own, in memory")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until nobody asks any more."""
    give_up_root(args.own)
    serve(Paths(args.agent / "service-page.json", args.agent / "tap.sock", args.walk, args.own), told=_tell)
    return 0


def _tell(text: str) -> None:
    print(text, flush=True)
