"""How likely a trial is to change any weight at all, in closed form."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from nvmsim.device.page_variation import page_factors
from nvmsim.device.rber import MAX_RBER
from nvmsim.inject.draws import page_classes

if TYPE_CHECKING:
    from nvmsim.accuracy.task import Task
    from nvmsim.device.ecc import Ecc


def change_bound(task: "Task", *, ecc: "Ecc | None", pages: int, bits: int, reads: int = 1) -> float:
    """Return an upper limit of P(a trial changes any weight): the chance that any bit, or codeword, is wrong.

    ``bits`` of the stored stream, on ``pages``, may meet errors; ``ecc`` is the task's code, None for bare reads;
    ``reads`` how often a trial reads the weights with errors of their own.

    >>> from nvmsim.accuracy.bsc import bsc_task
    >>> from nvmsim.zoo.card import load_card
    >>> task = bsc_task(load_card("mnist-cnn"), "binary:16", rber=1e-9)
    >>> f"{change_bound(task, ecc=None, pages=41, bits=5_000_000):.5f}"
    '0.00499'
    """
    if task.exact:
        return 0.0
    rates = np.asarray(task.rates)
    if ecc is None:
        parts = _by_factor(task, pages, each=task.layout.usable_bits, chances=bits)
        return _any(parts, float(rates.max()), lambda rber: rber, reads)
    seen = rates.mean(axis=1) if task.layout.scrambler else rates.max(axis=1)
    codewords = -(-task.layout.user_bytes // task.ecc.codeword_bytes)
    parts = _by_factor(task, pages, each=codewords, chances=pages * codewords)
    return _any(parts, float(seen.max()), lambda rber: _wrong_after_retries(ecc, rber), reads)


def _wrong_after_retries(ecc: "Ecc", rber: float) -> float:
    """Return an upper limit of P(a codeword is wrong in the end): failed at the last read, or miscorrected at any."""
    retry = ecc.spec.retry
    last = retry.max if ecc.detects else 0
    attempts = range(0 if ecc.decoder else last, last + 1)
    return min(1.0, sum(ecc.codeword_failure(rber * retry.rber_factor**attempt) for attempt in attempts))


def _by_factor(task: "Task", pages: int, *, each: int, chances: int) -> list[tuple[float, int]]:
    """Return (factor of a page's rates, how many bits or codewords have it): ``each`` a page, ``chances`` in all."""
    factors = page_factors(task.page_sigma)
    if len(factors) == 1:
        return [(1.0, chances)]
    counts = np.bincount(page_classes(task.device_seed, pages, len(factors)), minlength=len(factors))
    found = [(factor, int(count) * each) for factor, count in zip(factors, counts, strict=True) if count]
    # A part of the bits may lie on any of the pages.
    return [(found[-1][0], chances)] if task.layers or task.bits else found


def _any(parts: list[tuple[float, int]], rber: float, chance: Callable[[float], float], reads: int) -> float:
    """Return the chance that any of the parts' bits or codewords is wrong, where ``chance`` is that of one."""
    with np.errstate(divide="ignore"):  # one that is surely wrong
        none = sum(count * np.log1p(-chance(min(rber * factor, MAX_RBER))) for factor, count in parts)
    return float(-np.expm1(none * reads))
