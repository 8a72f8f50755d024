"""Answers about short texts are kept: the same few hundred stand in every file of a hospital, whoever the patient is."""

from collections.abc import Callable, Iterable
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")
# Longer texts are rarely met again, and would make the memory as large as they are.
_LONGEST = 256
_MOST = 4096


def is_short(text: str) -> bool:
    """Whether answers about a text are kept."""
    return len(text) <= _LONGEST


def recalled(find: Callable[Concatenate[str, _P], Iterable[_T]]) -> Callable[Concatenate[str, _P], tuple[_T, ...]]:
    """What a function finds in a text, at once when it was asked before; it must depend on its arguments alone."""

    def found(text: str, /, *args: _P.args, **kwargs: _P.kwargs) -> tuple[_T, ...]:
        return tuple(find(text, *args, **kwargs))

    known = lru_cache(maxsize=_MOST)(found)

    @wraps(find)
    def ask(text: str, /, *args: _P.args, **kwargs: _P.kwargs) -> tuple[_T, ...]:
        return known(text, *args, **kwargs) if is_short(text) else found(text, *args, **kwargs)  # type: ignore[arg-type]

    return ask
