"""Visible progress of the demonstration: one line a step, on standard error."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click


class Steps:
    """Numbers the steps, times them, and says what each found."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_quiet = is_quiet
        self._number = 0
        self._note = ""

    def say(self, text: str = "") -> None:
        """Print a line unless a machine is listening."""
        if not self._is_quiet:
            click.echo(text, err=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step, then say how long it took and what :meth:`found` was told."""
        self._number += 1
        self._note = ""
        began = time.monotonic()
        self._print(f"{self._number:>2}  {title} …", is_open=True)
        try:
            yield
        except Exception:
            self._print("", is_open=False)
            raise
        elapsed = time.monotonic() - began
        self._print(f"{' ' + self._note if self._note else ''} ({elapsed:.1f} s)", is_open=False)

    def found(self, note: str) -> None:
        """What the present step found or made."""
        self._note = note

    def _print(self, text: str, *, is_open: bool) -> None:
        if not self._is_quiet:
            click.echo(text, nl=not is_open, err=True)
