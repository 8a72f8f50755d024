"""What a listener has done since it started."""

import threading


class Counts:
    """Numbers that many associations add to; nothing here says whose instances they were."""

    NAMES = ("associations", "turned_away", "instances", "duplicates", "refused", "size_bytes")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values = dict.fromkeys(self.NAMES, 0)

    def add(self, **more: int) -> None:
        """Count something."""
        with self._lock:
            for name, number in more.items():
                self._values[name] += number

    def __getitem__(self, name: str) -> int:
        return self._values[name]

    def to_json(self) -> dict[str, int]:
        """The numbers by name."""
        with self._lock:
            return dict(self._values)
