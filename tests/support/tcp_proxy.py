"""A TCP proxy between a client and a server on the loopback interface, that a test can cut, stall and close."""

import contextlib
import selectors
import socket
import threading
from contextlib import AbstractContextManager

CHUNK = 65536


class TcpProxy(AbstractContextManager["TcpProxy"]):
    """Forwards `port` to `target_port`; one thread."""

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._wake_read, self._wake_write = socket.socketpair()
        self._lock = threading.Lock()
        self._peers: dict[socket.socket, socket.socket] = {}
        self._stalled = False
        self._refusing = False
        self._ending = False
        self.accepted = 0
        """Connections taken since the start."""
        self._thread = threading.Thread(target=self._run, name="tcp-proxy")

    def __enter__(self) -> "TcpProxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self._wake()
        self._thread.join()
        self.cut()
        for each in (self._listener, self._wake_read, self._wake_write):
            each.close()

    def cut(self) -> None:
        """Reset every connection that stands; new ones are taken."""
        with self._lock:
            for peer in list(self._peers):
                self._drop(peer, reset=True)

    def stall(self) -> None:
        """Pass nothing on, either way, with the connections open, until `resume`: a dead mobile link."""
        self._stalled = True
        self._wake()

    def refuse(self) -> None:
        """Reset every connection, and each new one as soon as it is made, until `resume`."""
        self._refusing = True
        self.cut()

    def resume(self) -> None:
        """Work normally again; what was held back by `stall` goes on its way."""
        self._stalled = self._refusing = False
        self._wake()

    def _wake(self) -> None:
        self._wake_write.send(b"!")

    def _run(self) -> None:
        while not self._ending:
            with selectors.DefaultSelector() as selector:
                selector.register(self._wake_read, selectors.EVENT_READ)
                selector.register(self._listener, selectors.EVENT_READ)
                with self._lock:
                    if not self._stalled:
                        for peer in self._peers:
                            selector.register(peer, selectors.EVENT_READ)
                ready = [key.fileobj for key, _ in selector.select(1.0)]
            for source in ready:
                assert isinstance(source, socket.socket)
                if source is self._wake_read:
                    source.recv(CHUNK)
                elif source is self._listener:
                    self._accept()
                else:
                    self._forward(source)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        client.setblocking(True)
        self.accepted += 1
        try:
            server = None if self._refusing else socket.create_connection(self._target, timeout=5)
        except OSError:
            server = None
        if server is None:
            _reset(client)
            return
        with self._lock:
            for one, other in ((client, server), (server, client)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                one.settimeout(5)
                self._peers[one] = other

    def _forward(self, source: socket.socket) -> None:
        with self._lock:
            target = self._peers.get(source)
            if target is None or self._stalled:
                return
            try:
                data = source.recv(CHUNK)
                if data:
                    target.sendall(data)
                    return
            except OSError:
                pass
            self._drop(source, reset=False)

    def _drop(self, one: socket.socket, *, reset: bool) -> None:
        other = self._peers.pop(one, None)
        if other is None:
            return
        self._peers.pop(other, None)
        for each in (one, other):
            if reset:
                _reset(each)
            else:
                each.close()


def _reset(connection: socket.socket) -> None:
    """Close with RST, as a router does that has lost the connection."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()
