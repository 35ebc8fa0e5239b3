"""The networks that studies need: those that are here, and why the others are not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nvmsim.errors import InputError
from nvmsim.study.paper.spec import Curve
from nvmsim.zoo.card import load_card
from nvmsim.zoo.datasets import dataset

if TYPE_CHECKING:
    from nvmsim.zoo.card import Card
    from nvmsim.zoo.model import Model


@dataclass(frozen=True)
class Networks:
    """Networks by name: ``sources`` holds cards or models, ``missing`` says why a name has none."""

    sources: "Mapping[str, Card | Model]"
    missing: Mapping[str, str]

    @classmethod
    def of(cls, curves: Iterable[Curve], given: "Mapping[str, Card | Model] | None" = None) -> "Networks":
        """Return the networks of ``curves``: ``given`` ones, or those of :meth:`named`."""
        return cls.named((curve.model for curve in curves), given)

    @classmethod
    def named(cls, names: Iterable[str], given: "Mapping[str, Card | Model] | None" = None) -> "Networks":
        """Return the networks of these names: ``given`` ones, or bundled cards, rescaled if named CARD+rescaled."""
        sources, missing = dict(given or {}), {}
        for name in dict.fromkeys(names):
            try:
                sources[name] = sources.get(name) or _source(name)
            except InputError as error:
                missing[name] = "; ".join(error.problems)
        return cls(sources, missing)

    def with_data(self) -> "Networks":
        """Return those whose test sets are here already, the others as missing."""
        absent = {name: source for name, source in self.sources.items() if not _is_here(source)}
        why = {name: f"its test set is not here (nvmsim data fetch {found.dataset})" for name, found in absent.items()}
        here = {name: source for name, source in self.sources.items() if name not in absent}
        return Networks(here, {**self.missing, **why})

    def runnable(self) -> tuple["Networks", dict[str, int]]:
        """Build each network with its test set: return those that can run here, and the blocks of their test sets.

        A test set that is not here is downloaded.
        """
        from nvmsim.zoo.network import Network

        blocks, missing = {}, dict(self.missing)
        for name, source in self.sources.items():
            try:
                blocks[name] = Network(source).blocks
            except InputError as error:
                missing[name] = "; ".join(error.problems)
        return Networks({name: self.sources[name] for name in blocks}, missing), blocks


def _source(name: str) -> "Card | Model":
    card, _, change = name.partition("+")
    if not change:
        return load_card(name)
    if change != "rescaled":
        raise InputError(f"model {name!r}: after + must stand rescaled")
    from nvmsim.zoo.rescale import rescaled_card

    return rescaled_card(load_card(card), name)


def _is_here(source: "Card | Model") -> bool:
    return not hasattr(source, "dataset") or bool(dataset(source.dataset).where("test"))
