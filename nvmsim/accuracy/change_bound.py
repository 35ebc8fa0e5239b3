"""How likely a trial is to change any weight at all, in closed form."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nvmsim.accuracy.page_places import PagePlaces
from nvmsim.device.binomial import binomial_pmf
from nvmsim.device.rber import MAX_RBER

if TYPE_CHECKING:
    from nvmsim.accuracy.task import Task
    from nvmsim.device.ecc import Ecc

    Chance = Callable[[NDArray[np.int64]], NDArray[np.float64]]  # of a codeword left wrong, by its wrong bits
    Decoding = tuple[Chance, float]  # and the RBER that it meets


def change_bound(
    task: "Task",
    *,
    ecc: "Ecc | None",
    pages: int,
    bits: int,
    reads: int = 1,
    stuck: NDArray[np.int64] | None = None,
) -> float:
    """Return an upper limit of P(a trial changes any weight): the chance that any bit, or codeword, is wrong.

    ``bits`` of the stored stream, on ``pages``, may meet errors; ``ecc`` is the task's code, None for bare reads;
    ``reads`` how often a trial reads the weights with errors of their own; ``stuck`` the errors by stuck cells of each
    codeword that has any (bare reads: in all), None where they are not known.

    >>> from nvmsim.accuracy.bsc import bsc_task
    >>> from nvmsim.zoo.card import load_card
    >>> task = bsc_task(load_card("mnist-cnn"), "binary:16", rber=1e-9)
    >>> f"{change_bound(task, ecc=None, pages=41, bits=5_000_000):.5f}"
    '0.00499'
    """
    if task.exact:
        return 0.0
    if task.stuck is not None and (stuck is None or (ecc is None and stuck.size)):
        return 1.0
    if ecc is None:
        parts = _by_factor(task, pages, each=task.layout.usable_bits, chances=bits)
        top = float(np.max(task.rates))
        return float(-np.expm1(_none(parts, lambda factor: min(top * factor, MAX_RBER)) * reads))
    codewords = -(-task.layout.user_bytes // task.ecc.codeword_bytes)
    parts = _by_factor(task, pages, each=codewords, chances=pages * codewords)
    decisive, most = _decisive(task, ecc), max(factor for factor, _ in parts)
    none = _none(
        parts, lambda factor: min(1.0, sum(_wrong(chance, ecc, at) for chance, at in _times(decisive, factor)))
    )
    none += _none_of_stuck(_times(decisive, most), ecc, np.zeros(0, np.int64) if stuck is None else stuck)
    return float(-np.expm1(none * reads))


def _decisive(task: "Task", ecc: "Ecc") -> "list[Decoding]":
    """Return each attempt that may leave a codeword wrong: the last by failing, those before it by miscorrection."""
    *earlier, last = [(code, task.rates_at(r)) for r, code in enumerate(ecc.codes)]
    at = [(code.silent_most, rates) for code, rates in earlier if code.miscorrects] + [(last[0].failure, last[1])]
    kind = np.mean if task.layout.scrambler else np.max
    return [(chance, float(kind(rates, axis=1).max())) for chance, rates in at]


def _times(decisive: "list[Decoding]", factor: float) -> "list[Decoding]":
    return [(chance, min(rber * factor, MAX_RBER)) for chance, rber in decisive]


def _by_factor(task: "Task", pages: int, *, each: int, chances: int) -> list[tuple[float, float]]:
    """Return (factor of a page's rates, how many bits or codewords have it): ``each`` a page, ``chances`` in all.

    In the mean over trials: the mean of the logarithm of the chance that nothing is wrong is a lower limit (Jensen).
    """
    places = PagePlaces(task, pages)
    factors = places.classes.factors
    if len(factors) == 1:
        return [(1.0, chances)]
    found = [(factor, float(n) * each) for factor, n in zip(factors, places.expected, strict=True) if n]
    # A part of the bits may lie on any of the pages.
    return [(found[-1][0], chances)] if task.layers or task.bits else found


def _none(parts: list[tuple[float, float]], chance: Callable[[float], float]) -> float:
    """Return the log of the chance that none of the parts' bits or codewords is wrong; ``chance(factor)`` is one's."""
    with np.errstate(divide="ignore"):  # one that is surely wrong
        return sum(count * np.log1p(-chance(factor)) for factor, count in parts)


def _none_of_stuck(decisive: "list[Decoding]", ecc: "Ecc", errors: NDArray[np.int64]) -> float:
    """Return the log of the chance that no codeword with these errors is wrong for those and others at any attempt."""
    found = 0.0
    for already, codewords in zip(*np.unique(errors, return_counts=True), strict=True):
        wrong = min(1.0, sum(_wrong(chance, ecc, rber, already=int(already)) for chance, rber in decisive))
        with np.errstate(divide="ignore"):
            found += int(codewords) * np.log1p(-wrong)
    return found


def _wrong(chance: "Chance", ecc: "Ecc", rber: float, *, already: int = 0) -> float:
    """Return the chance of a codeword with so many errors, its other bits being wrong with probability ``rber``."""
    already = min(already, ecc.codeword_bits)  # some may lie in parity bits that the code does not use
    others = ecc.codeword_bits - already
    return min(1.0, float(binomial_pmf(others, rber) @ chance(np.arange(others + 1) + already)))
