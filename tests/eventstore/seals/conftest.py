"""The sealed log that both test modules use."""

from tests.support.seals import sealed

__all__ = ["sealed"]
