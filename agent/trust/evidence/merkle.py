"""The tree of hashes of RFC 6962 (2.1), grown leaf by leaf."""

from hashlib import sha256


class Tree:
    """One root for any number of leaves, so that one of them can be proved without the others."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []
        """The roots of the full trees that the leaves make, the largest first."""

    def add(self, leaf: bytes) -> None:
        """Add the next leaf."""
        node, size = sha256(b"\0" + leaf).digest(), self.size
        while size & 1:
            node, size = sha256(b"\1" + self._peaks.pop() + node).digest(), size >> 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> str:
        """Return the root in hex."""
        if not self._peaks:
            return sha256().hexdigest()
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = sha256(b"\1" + peak + root).digest()
        return root.hex()
