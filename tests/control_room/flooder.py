"""`python -m tests.control_room.flooder PORT CA CERT KEY COUNT`: a kiosk that raises alarms without end.

It raises so many as fast as the broker takes them, says so, and goes on with a hundred a second until its standard
input ends. The last one is of another button."""

import select
import sys
from pathlib import Path

from tests.control_room.fleet import Kiosk
from tests.control_room.hostile import flooding
from tests.support.certificates import CertificateFiles
from tests.support.subscriber import Subscriber

NUMBER = 9000


def main() -> None:
    """Flood."""
    port, *paths, count = sys.argv[1:]
    files = CertificateFiles(*(Path(each) for each in paths))
    kiosk = Kiosk(NUMBER)
    with Subscriber(int(port), host="localhost", files=files) as its:
        for number, (topic, payload, retain) in enumerate(flooding(kiosk)):
            its.publish(topic, payload, retain=retain)
            if number == int(count):
                print("flooded", flush=True)
            if number > int(count) and select.select([sys.stdin], [], [], 0.01)[0]:
                break
        topic, payload, retain = next(flooding(kiosk, "medical"))
        its.publish(topic, payload, retain=retain)


if __name__ == "__main__":
    main()
