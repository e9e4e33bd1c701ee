"""`python -m tests.campaigns.looks.press`: presses alone, and beside a look or an upload, on a line of its own."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.support.looking import Looking
from tests.support.media_server import MediaServer
from tests.support.store import Store
from tests.support.uploading_kiosk import UploadingSite

_INSIDE = "EDGE_AGENT_SLOW_LINE"
_PAUSE_S = 0.37
"""No multiple of a picture's period."""


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser("python -m tests.campaigns.looks.press", description=__doc__)
    parser.add_argument("--presses", type=int, default=100, metavar="N", help="of each kind; default: 100")
    parser.add_argument("--kbit-s", type=int, metavar="N", help="from the kiosk to all others together; as root")
    parser.add_argument("--beside", choices=("pictures", "stream", "upload"), default="pictures")
    args = parser.parse_args()
    if args.kbit_s and _INSIDE not in os.environ:
        command = ["unshare", "--net", sys.executable, "-m", "tests.campaigns.looks.press", *sys.argv[1:]]
        return subprocess.run(command, env={**os.environ, _INSIDE: "1"}, check=False).returncode
    with tempfile.TemporaryDirectory() as directory, ExitStack() as opened:
        if args.kbit_s:
            _run("ip link set lo up mtu 1500 gso_max_size 1500 gso_max_segs 1")
        server = opened.enter_context(MediaServer(Path(directory) / "media"))
        store = opened.enter_context(Store())
        site = UploadingSite(opened, Path(directory), store, live=server.settings())
        if args.kbit_s:
            _slow_down(args.kbit_s, site.broker.port, server.port, store.port)
        looking = Looking(site.centre, site.kiosk.key)
        looking.wait_for_camera(site.kiosk)
        _press(site)
        print_times("alone", [_press(site) for _ in range(args.presses)])
        if args.beside == "upload":
            site.allow_all()
            site.wait_for("uploaded", timeout_s=60)
        else:
            looking.look(fps=5, lease_s=300, rung=args.beside)
        print_times(f"beside {args.beside}", [_press(site) for _ in range(args.presses)])
        for what, sizes in (
            ("pictures", [len(picture.payload) for picture in looking.pictures()]),
            ("streams", [file.stat().st_size for file in server.files]),
            ("segments", [len(body) for body in site.at_the_store().values() if body]),
        ):
            if sizes:
                print(f"{len(sizes)} {what} of {sum(sizes) // len(sizes)} bytes in the middle")
    return 0


def print_times(what: str, times: list[float]) -> None:
    """Say how long these presses took, in ms."""
    p50, p90, most = (sorted(times)[min(int(len(times) * share), len(times) - 1)] for share in (0.5, 0.9, 1))
    print(f"{what}: {p50:.1f} ms p50, {p90:.1f} p90, {most:.1f} at most", flush=True)


def _press(site: UploadingSite) -> float:
    """Press; returns the time from the edge to a subscriber, in ms."""
    time.sleep(_PAUSE_S)
    edge_ns = site.kiosk.press()
    heard = site.centre.subscriber.wait_for(lambda each: "/up/alarm/" in each.topic and each.arrived_ns > edge_ns)
    return (heard.arrived_ns - edge_ns) / 1e6


def _slow_down(kbit_s: int, *ports: int) -> None:
    """Let so much go to these ports of the loopback of our own, a packet at a time."""
    for command in (
        "tc qdisc add dev lo root handle 1: htb r2q 1000",
        f"tc class add dev lo parent 1: classid 1:10 htb rate {kbit_s}kbit burst 3k cburst 3k",
        "tc qdisc add dev lo parent 1:10 bfifo limit 400000",
        *(f"tc filter add dev lo parent 1: protocol ip u32 match ip dport {each} 0xffff flowid 1:10" for each in ports),
    ):
        _run(command)


def _run(command: str) -> None:
    subprocess.run(command.split(), check=True)


if __name__ == "__main__":
    raise SystemExit(main())
