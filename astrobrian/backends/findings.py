"""What preflight finds in a network before anything is compiled: what a backend can't do, and what was rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from brian2 import get_logger

from astrobrian.backends.features import FEATURES
from astrobrian.backends.obstacles import BackendError

logger = get_logger(__name__)

#: What was rewritten in this process, in order.
rewritten: list[Rewriting] = []


@dataclass(frozen=True)
class Refusal:
    """Something that a backend can't express, or would get wrong.

    Parameters
    ----------
    feature : str
        A key of `astrobrian.backends.features.FEATURES`.
    object : str
        Name of the object that needs it.
    reason : str
        What about it, in words, with the way out if there is one.
    """

    feature: str
    object: str
    reason: str


@dataclass(frozen=True)
class Rewriting:
    """Something that was expressed in another way, with the same result.

    Parameters
    ----------
    feature : str
        A key of `astrobrian.backends.features.FEATURES`.
    object : str
        Name of the object.
    how : str
        In words.
    """

    feature: str
    object: str
    how: str


class UnsupportedFeature(BackendError):
    """A network that a backend can't run.

    Attributes
    ----------
    backend : str
    refusals : tuple of Refusal
        Everything that stands in the way, not only the first.
    """

    def __init__(self, backend: str, refusals: Sequence[Refusal]) -> None:
        self.backend = backend
        self.refusals = tuple(refusals)
        lines = [f"{each.object}: {each.reason} ({_way_out(each.feature, backend)})" for each in refusals]
        super().__init__("\n- ".join([f"the backend {backend!r} can't run this network:", *lines]))


def _way_out(feature: str, backend: str) -> str:
    """The other backends that can do something."""
    others = [f"{each!r}" for each in FEATURES[feature].backends if each != backend]
    return f"{FEATURES[feature].title}: {'use ' + ' or '.join(others) if others else 'nowhere'}"


def conclude(backend: str, refusals: Sequence[Refusal], rewritings: Sequence[Rewriting]) -> None:
    """Report what was rewritten; raise UnsupportedFeature if anything is refused."""
    if refusals:
        raise UnsupportedFeature(backend, refusals)
    rewritten.extend(rewritings)
    for each in rewritings:
        logger.info(f"{each.object}, on {backend!r}: {each.how}", name_suffix="rewriting")
