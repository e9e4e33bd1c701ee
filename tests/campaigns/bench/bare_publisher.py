"""The baseline of a press, as a process: the least that can bring a message to the centre with QoS 1.

Run as `python -m tests.campaigns.bench.bare_publisher PORT TOPIC`; a request is `{"count", "interval_s", "bytes"}`.
The payload begins with the time at which publishing began (CLOCK_BOOTTIME, ns).
"""

import sys
import time
from typing import Any

from tests.campaigns.bench.bare_client import connected_client
from tests.campaigns.bench.child import serve


def main() -> None:
    """Publish on request until the input ends."""
    port, topic = int(sys.argv[1]), sys.argv[2]
    client = connected_client(port)

    def publish(request: dict[str, Any]) -> int:
        due = time.monotonic()
        for _ in range(request["count"]):
            time.sleep(max(0.0, due - time.monotonic()))
            due += request["interval_s"]
            began_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            client.publish(topic, f"{began_ns} ".ljust(request["bytes"], "x"), qos=1)
        return int(request["count"])

    serve(publish)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
