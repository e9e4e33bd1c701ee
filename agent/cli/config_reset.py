"""`edge-agent config-reset`: take away what the centre has set from afar."""

import argparse
from functools import partial

from agent.adapters.in_time import in_time
from agent.adapters.rights import give_up_root
from agent.cli.options import add_config
from agent.core.errors import StorageError
from agent.settings import load
from agent.settings.kept import Kept, load_kept, store_kept

_EXAMPLE = """\
Example:
  sudo edge-agent config-reset && sudo systemctl restart edge-agent
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "config-reset",
        help="take away what was set from afar",
        description="Take away the settings and the keys that the centre has set from afar: from the next start on the "
        "files alone count. What the device has had before is not taken again under its revision; a higher one is.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write that nothing is set. Raises StorageError."""
    directory = load(args.config).storage.directory
    give_up_root(directory)
    try:
        known = in_time(partial(load_kept, directory))
    except StorageError as error:  # damaged; if it can't be written either, that is said below
        known = Kept()
        print(
            f"{error}. So settings and keys that it has seen may be taken again: clear down/config at the brokers "
            "first, at a centre: edge-agent command --device PROVINCE/SITE/ID --broker URL config-set --clear"
        )
    in_time(partial(store_kept, directory, Kept(wanted=known.wanted, keys_seen=known.last_keys)))
    print("Nothing is set from afar any more. Restart the agent: sudo systemctl restart edge-agent")
    return 0
