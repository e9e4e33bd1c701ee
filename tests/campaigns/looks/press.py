"""`python -m tests.campaigns.looks.press`: presses with and without somebody who looks, on a line of so many kbit/s."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.support.agent_process import AgentProcess
from tests.support.centre import Centre
from tests.support.looking import Looking
from tests.support.media_server import MediaServer
from tests.support.mosquitto import Mosquitto
from tests.support.recorded_kiosk import Office, RecordedKiosk

_INSIDE = "EDGE_AGENT_SLOW_LINE"
_PAUSE_S = 0.37
"""No multiple of a picture's period."""


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser("python -m tests.campaigns.looks.press", description=__doc__)
    parser.add_argument("--presses", type=int, default=100, metavar="N", help="of each kind; default: 100")
    parser.add_argument("--kbit-s", type=int, metavar="N", help="from the kiosk to the broker; as root")
    parser.add_argument("--stream", action="store_true", help="look by a stream, on the same line")
    args = parser.parse_args()
    if args.kbit_s and _INSIDE not in os.environ:
        command = ["unshare", "--net", sys.executable, "-m", "tests.campaigns.looks.press", *sys.argv[1:]]
        return subprocess.run(command, env={**os.environ, _INSIDE: "1"}, check=False).returncode
    found: dict[str, list[float]] = {"without": [], "beside": []}
    with tempfile.TemporaryDirectory() as directory, ExitStack() as opened:
        if args.kbit_s:
            _run("ip link set lo up mtu 1500 gso_max_size 1500 gso_max_segs 1")
        broker = opened.enter_context(Mosquitto(Path(directory) / "broker"))
        server = opened.enter_context(MediaServer(Path(directory) / "media"))
        if args.kbit_s:
            _slow_down(args.kbit_s, broker.port, server.port)
        centre = opened.enter_context(Centre(broker.port))
        office = Office(Path(directory) / "office")
        kiosk = RecordedKiosk(Path(directory) / "kiosk", office, broker.url, live=server.settings())
        agent = opened.enter_context(kiosk)
        looking = Looking(centre, agent.key)
        looking.wait_for_camera(agent)
        _press(agent, centre)
        for number in range(args.presses * 2):
            if number % 20 == 10:
                live = looking.look(fps=5, lease_s=300, rung="stream" if args.stream else "pictures")
            elif number and number % 20 == 0:
                looking.ask("live-stop", live=live)
            time.sleep(_PAUSE_S)
            found["beside" if number % 20 >= 10 else "without"].append(_press(agent, centre))
        sizes = [len(picture.payload) for picture in looking.pictures()]
        streams = [file.stat().st_size for file in server.files]
    print(f"{len(sizes)} pictures of {sum(sizes) // max(len(sizes), 1)} bytes in the middle")
    print(f"streams of {streams} bytes")
    for name, times in found.items():
        p50, p90, most = (sorted(times)[min(int(len(times) * share), len(times) - 1)] for share in (0.5, 0.9, 1))
        print(f"{name:8} somebody who looks: {p50:.1f} ms p50, {p90:.1f} p90, {most:.1f} at most")
    return 0


def _press(agent: AgentProcess, centre: Centre) -> float:
    """Press; returns the time from the edge to a subscriber, in ms."""
    edge_ns = agent.press()
    heard = centre.subscriber.wait_for(lambda each: "/up/alarm/" in each.topic and each.arrived_ns > edge_ns)
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
