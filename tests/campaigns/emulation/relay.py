"""`python relay.py PORT`: what comes from standard input goes to this port of loopback, and back.

QEMU starts one for each connection of the guest, so that a broker may go away and come back between them.
"""

import os
import selectors
import socket
import sys
from collections.abc import Callable


def main() -> None:
    """Until either side ends."""
    try:
        connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
    except OSError:  # without a word: QEMU would give it to the guest, as if the broker had said it
        sys.exit(1)
    with connection:
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            selector.register(connection, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is connection:
                        piece = connection.recv(1 << 16)
                        write: Callable[[bytes], object] = _to_guest
                    else:
                        piece = os.read(0, 1 << 16)
                        write = connection.sendall
                    if not piece:
                        return
                    write(piece)


def _to_guest(piece: bytes) -> None:
    while piece:
        piece = piece[os.write(1, piece) :]


if __name__ == "__main__":
    main()
