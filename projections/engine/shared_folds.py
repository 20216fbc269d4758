"""What an aggregate is after an event, computed once for all read models that take the event one after the other.

A read model that needs the state of an aggregate folds its events into it. So do the others, from equal states. States
are immutable, so they can share them, and with them whatever a state computes once, such as its sums.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import local
from typing import Any, TypeVar, cast

S = TypeVar("S")
E = TypeVar("E")


class _Folds(local):
    """The last fold, and all folds of a page if several read models take the page one after the other."""

    last: tuple[Any, Any, Any] = (None, None, None)
    kept: "dict[tuple[int, int], tuple[Any, Any, Any]] | None" = None


_folds = _Folds()


def folded(state: S, event: E, fold: Callable[[S, E], S]) -> S:
    """Return `fold(state, event)`, or what it returned before for the same two objects."""
    before, taken, after = _folds.last
    if before is state and taken is event:
        return cast("S", after)
    kept = _folds.kept
    known = kept.get((id(state), id(event))) if kept is not None else None
    if known is None:
        known = (state, event, fold(state, event))  # the objects are kept too, so that no other gets their ids
        if kept is not None:
            kept[id(state), id(event)] = known
    _folds.last = known
    return cast("S", known[2])


@contextmanager
def keeping_folds() -> Iterator[None]:
    """Keep all folds until `forget_folds`, because other read models will take the same page later."""
    _folds.kept = {}
    try:
        yield
    finally:
        _folds.kept = None
        forget_folds()


def forget_folds() -> None:
    """Forget the folds of the page that every read model has taken."""
    _folds.last = (None, None, None)
    if _folds.kept is not None:
        _folds.kept = {}
