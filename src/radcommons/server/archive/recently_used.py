"""What was asked for lately, kept within a number of bytes."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class RecentlyUsed(Generic[K, V]):
    """A mapping that forgets what was not used for longest when it grows beyond its limit; threads may share it.

    Parameters
    ----------
    limit_bytes
        The sum of the sizes that were said when values were put in.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value of a key, which counts as used now; None when it is not (or no longer) here."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V, *, size_bytes: int) -> None:
        """Keep a value; one that is larger than the limit is not kept."""
        if size_bytes > self._limit_bytes:
            return
        with self._lock:
            replaced = self._values.pop(key, None)
            self._size_bytes += size_bytes - (replaced[1] if replaced else 0)
            self._values[key] = (value, size_bytes)
            while self._size_bytes > self._limit_bytes:
                _, (_, freed) = self._values.popitem(last=False)
                self._size_bytes -= freed

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._size_bytes = 0
