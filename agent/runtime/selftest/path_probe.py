"""Sends one message by a path that is not in use, to see whether it works, and disconnects again."""

import queue
from collections.abc import Generator, Sequence

from agent.core.errors import BrokerError, NoProbeCertificate, StepFailed
from agent.ports import Broker, BrokerAddress, BrokerEvent, Clock, Connected, OutgoingMessage, Published
from agent.trust.disconnected import Disconnected

_LEAVE_S = 0.5


def check_path(
    broker: Broker,
    address: BrokerAddress,
    message: OutgoingMessage,
    clock: Clock,
    within_s: float,
    filters: Sequence[str] = (),
) -> Generator[None, None, str]:
    """Connect, check that `filters` are granted, have the message accepted, disconnect. A step of a self-test: see
    `steps`.

    `broker` must log in as a client of its own, or it would take the place of the connection in use; raises
    NoProbeCertificate when it can't. The message is also the will, so that a probe that breaks off says nothing false.
    """
    events: queue.SimpleQueue[BrokerEvent] = queue.SimpleQueue()
    began_ns = clock.boottime_ns()
    connected = ""
    try:
        broker.connect(address.url, message, list(filters), events.put, address.interface)
        while clock.boottime_ns() - began_ns <= within_s * 1e9:
            while not events.empty():
                match events.get():
                    case Connected(refused=refused) if refused:
                        raise StepFailed(
                            f"{address} does not let this device hear {', '.join(refused)}: check its access list"
                        )
                    case Connected() as accepted:
                        took_ms = (clock.boottime_ns() - began_ns) // 1_000_000
                        connected = f"connected after {took_ms} ms with {accepted.spoken}"
                        broker.publish(message)
                    case Published(accepted=True):
                        return f"{address}: {connected}"
                    case Published() as answer:
                        raise StepFailed(f"{address} refused the message ({answer.detail}): check its access list")
                    case Disconnected() as end:
                        raise StepFailed(f"{address}: {end.detail}")
            yield
        what = "acknowledge" if connected else "let us in"
        raise StepFailed(f"{address} did not {what} within {within_s:g} s")
    except NoProbeCertificate:
        raise
    except BrokerError as error:
        raise StepFailed(f"{address}: {error}") from error
    finally:
        broker.disconnect(_LEAVE_S)
