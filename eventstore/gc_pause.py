"""Pause Python's cyclic garbage collector while a large batch runs.

Fast path: measured in docs/decisions/31.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """Run the block without the cyclic garbage collector, then restore its previous setting.

    A batch makes hundreds of thousands of objects that all live until its end. None of them is in a cycle, but
    Python's repeated searches for cycles take a quarter of the batch's time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
