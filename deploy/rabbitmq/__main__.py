"""`python -m deploy.rabbitmq`: writes the definitions of a RabbitMQ, who may say and hear what, to standard output."""

import argparse
import json
import sys
from collections.abc import Sequence

from agent.contract.identity import LEVEL, Identity
from deploy.rabbitmq.rights import definitions


def main(arguments: Sequence[str] | None = None) -> int:
    """Print them; 2 for a name that no device or centre may have."""
    parser = argparse.ArgumentParser(prog="python -m deploy.rabbitmq", description=__doc__)
    parser.add_argument("--device", action="append", default=[], metavar="PROVINCE/SITE/ID", help="again for each more")
    parser.add_argument("--centre", action="append", default=[], metavar="NAME", help="again for each more")
    parser.add_argument("--nodes", type=int, default=1, metavar="N", help="of the cluster, for the centres (default 1)")
    args = parser.parse_args(arguments)
    devices = []
    for name in args.device:
        levels = name.split("/")
        if len(levels) != 3 or not all(map(LEVEL.match, levels)):
            parser.error(f"a device is PROVINCE/SITE/ID, of a-z, 0-9 and -: {name}")
        devices.append(Identity(*levels))
    for name in args.centre:
        if not LEVEL.match(name):
            parser.error(f"a centre's name is of a-z, 0-9 and -: {name}")
    json.dump(definitions(devices, args.centre, args.nodes), sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
