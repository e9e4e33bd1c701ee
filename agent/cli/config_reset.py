"""`edge-agent config-reset`: discard remote settings."""

import argparse
from functools import partial

from agent.adapters.in_time import in_time
from agent.adapters.rights import give_up_root
from agent.contract.command_line import add_config
from agent.core.errors import StorageError
from agent.runtime.remote.kept import Kept
from agent.settings import load
from agent.settings.kept import load_kept, store_kept

_EXAMPLE = """\
Example:
  sudo edge-agent config-reset && sudo systemctl restart edge-agent
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "config-reset",
        help="discard remote settings",
        description="Discard the settings and keys that the centre has set remotely: from the next start only the "
        "files count. The device ignores revisions that it has already seen; send a higher one.",
        epilog=_EXAMPLE,
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
            "first, at a centre: edge-centre command --device PROVINCE/SITE/ID --broker URL config-set --clear"
        )
    in_time(partial(store_kept, directory, Kept(wanted=known.wanted, keys_seen=known.last_keys)))
    print("There are no remote settings any more. Restart the agent: sudo systemctl restart edge-agent")
    return 0
