"""Lets another process press the buttons and read the lights of a simulated agent.

One JSON object per line. A request names what to `do`. Each answer is `{"answer": {...}}`; the last line is
`{"done": true}` or `{"error": "..."}`.
"""

import heapq
import itertools
import json
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from agent.ports import Lights
from agent.sim import control_socket
from agent.sim.pins import SimPins

DEFAULT_HOLD_S = 0.1
DEFAULT_PAUSE_S = 0.5
_RAIN = "input-rain:"
_RAIN_PRESSES = {"count": 60, "hold_s": 0.04, "interval_s": 0.08}
"""What rain in a button does: closings that are too long and too far apart for the debounce time to swallow."""
_MAX_REQUEST_BYTES = 4096
_CLIENT_PATIENCE_S = 1.0
_LONGEST_WAIT_S = 0.5
_log = logging.getLogger(__name__)


class RequestError(Exception):
    """A request that can't be met; the text goes to the client."""


class _Client:
    """One connection, which carries one request."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.received = b""
        self.gone = False

    def send(self, message: Mapping[str, Any]) -> None:
        try:
            self.sock.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self.gone = True


class SimControl:
    """Serves `edge-agent sim` from a thread of its own, `sim-control`, between `start` and `close`.

    `faults` are called on that thread, each by its kind.
    """

    def __init__(
        self,
        socket_path: Path,
        pins: SimPins,
        lights: Lights,
        faults: Mapping[str, Callable[[], None]],
    ) -> None:
        self._path = socket_path
        self._pins = pins
        self._lights = lights
        self._faults = faults
        self._thread: threading.Thread | None = None
        self._stop: tuple[socket.socket, socket.socket] | None = None
        self._clients: dict[socket.socket, _Client] = {}
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._turns = 0

    def start(self) -> None:
        """Listen. Raises StorageError when the socket can't be used."""
        listener = control_socket.listen(self._path)
        self._stop = socket.socketpair()
        self._thread = threading.Thread(
            target=self._run, args=(listener, self._stop[0]), name="sim-control", daemon=True
        )
        self._thread.start()

    def pulse(self) -> int | None:
        """Return a number that rises while the thread lives; None without one. Any thread."""
        return None if self._thread is None else self._turns

    def close(self) -> None:
        """Stop listening; presses in progress stay as they are. Safe to call twice."""
        if self._thread is None or self._stop is None:
            return
        self._stop[1].close()
        self._thread.join()
        self._thread = self._stop = None

    def _run(self, listener: socket.socket, stop: socket.socket) -> None:
        with selectors.DefaultSelector() as selector, listener, stop:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(stop, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select(self._until_next()):
                    sock = key.fileobj
                    assert isinstance(sock, socket.socket)
                    if sock is stop:
                        self._end()
                        return
                    if sock is listener:
                        client = _Client(listener.accept()[0])
                        client.sock.settimeout(_CLIENT_PATIENCE_S)
                        self._clients[client.sock] = client
                        selector.register(client.sock, selectors.EVENT_READ)
                    elif self._read(self._clients[sock]):
                        selector.unregister(sock)
                self._do_what_is_due()
                self._turns += 1

    def _end(self) -> None:
        for client in self._clients.values():
            client.sock.close()
        self._clients.clear()
        self._agenda.clear()
        control_socket.remove(self._path)

    def _until_next(self) -> float:
        return min([_LONGEST_WAIT_S, *(max(0.0, when - time.monotonic()) for when, _, _ in self._agenda[:1])])

    def _at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (when, next(self._order), act))

    def _do_what_is_due(self) -> None:
        while self._agenda and self._agenda[0][0] <= time.monotonic():
            act = heapq.heappop(self._agenda)[2]
            try:
                act()
            except Exception:  # noqa: BLE001
                _log.exception("a simulated press went wrong")

    def _read(self, client: _Client) -> bool:
        """Read what has come; return true when there is nothing more to read from this client."""
        try:
            piece = client.sock.recv(_MAX_REQUEST_BYTES)
        except OSError:
            piece = b""
        client.received += piece
        if not piece or len(client.received) > _MAX_REQUEST_BYTES:
            self._drop(client)
            return True
        if b"\n" not in client.received:
            return False
        try:
            self._serve(client, client.received.partition(b"\n")[0])
        except RequestError as error:
            self._finish(client, error=str(error))
        except Exception as error:  # noqa: BLE001 - a broken fault must not end the simulator
            _log.exception("a request to the simulator failed")
            self._finish(client, error=f"{type(error).__name__}: {error}")
        return True

    def _serve(self, client: _Client, line: bytes) -> None:
        try:
            request = json.loads(line)
            do = request["do"]
        except (ValueError, TypeError, KeyError) as error:
            raise RequestError("a request is a JSON object with the key `do`") from error
        if do == "fault" and str(request.get("kind")).startswith(_RAIN):
            request = {"do": "press", "name": request["kind"].removeprefix(_RAIN), **_RAIN_PRESSES}
            do = "press"
        if do == "press":
            self._press(client, request)
            return
        if do == "outputs":
            client.send({"answer": self._pins.read(self._lights)})
        elif do == "inputs":
            client.send({"answer": self._pins.inputs()})
        elif do in {"hold", "release"}:
            self._drive(client, self._name(request, active=do == "release"), active=do == "hold", lasting=True)
        elif do == "fault":
            self._fault(request.get("kind"))
        else:
            raise RequestError(f"{do!r} is not one of press, hold, release, outputs, inputs, fault")
        self._finish(client)

    def _press(self, client: _Client, request: Mapping[str, Any]) -> None:
        name = self._name(request, active=False)
        hold_s = _seconds(request, "hold_s", DEFAULT_HOLD_S)
        interval_s = _seconds(request, "interval_s", hold_s + DEFAULT_PAUSE_S)
        count = request.get("count", 1)
        if not isinstance(count, int) or not 1 <= count <= 1_000_000:
            raise RequestError("count is a whole number from 1")
        if count > 1 and interval_s <= hold_s:
            raise RequestError("the interval goes from press to press: make it longer than the hold")

        def press(number: int, due: float) -> None:
            self._drive(client, name, active=True)
            self._at(due + hold_s, lambda: release(number, due))

        def release(number: int, due: float) -> None:
            self._pins.set(name, active=False)
            if number == count or client.gone:
                self._finish(client)
            else:
                self._at(due + interval_s, lambda: press(number + 1, due + interval_s))

        press(1, time.monotonic())

    def _drive(self, client: _Client, name: str, *, active: bool, lasting: bool = False) -> None:
        driven_ns = self._pins.set(name, active, lasting=lasting)
        client.send({"answer": {"input": name, "edge_boottime_ns": driven_ns}})

    def _name(self, request: Mapping[str, Any], *, active: bool) -> str:
        """Return the input of the request. Raises RequestError unless it now is as `active` says."""
        name = request.get("name")
        if name not in self._pins.names:
            raise RequestError(f"there is no input {name!r}; there are: {', '.join(self._pins.names)}")
        if self._pins.is_active(str(name)) != active:
            raise RequestError(f"{name} is not pressed" if active else f"{name} is held already: release it first")
        return str(name)

    def _fault(self, kind: Any) -> None:
        if kind not in self._faults:
            rain = [_RAIN + name for name in self._pins.names if not self._pins.is_condition(name)]
            known = ", ".join(sorted([*self._faults, *rain])) or "none here"
            raise RequestError(f"there is no fault {kind!r}; there are: {known}")
        self._faults[kind]()

    def _finish(self, client: _Client, error: str | None = None) -> None:
        client.send({"done": True} if error is None else {"error": error})
        self._drop(client)

    def _drop(self, client: _Client) -> None:
        with suppress(KeyError):
            del self._clients[client.sock]
        client.sock.close()


def _seconds(request: Mapping[str, Any], key: str, default: float) -> float:
    value = request.get(key)
    if value is None:
        return default
    if not isinstance(value, int | float) or not 0 <= value <= 3600:
        raise RequestError(f"{key} is a number of seconds from 0 to 3600")
    return float(value)
