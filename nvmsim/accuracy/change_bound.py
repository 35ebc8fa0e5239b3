"""How likely a trial is to change any weight at all, in closed form."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nvmsim.accuracy.task import Task
    from nvmsim.device.ecc import Ecc


def change_bound(task: "Task", *, ecc: "Ecc | None", pages: int, bits: int) -> float:
    """Return an upper limit of P(a trial changes any weight): the chance that any bit, or codeword, is wrong.

    ``bits`` of the stored stream, on ``pages``, may meet errors; ``ecc`` is the task's code, None for bare reads.

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
        chance, chances = float(rates.max()), bits
    else:
        seen = rates.mean(axis=1) if task.layout.scrambler else rates.max(axis=1)
        chance = _wrong_after_retries(ecc, float(seen.max()))
        chances = pages * -(-task.layout.user_bytes // task.ecc.codeword_bytes)
    return float(-np.expm1(chances * np.log1p(-chance))) if chance < 1 else 1.0


def _wrong_after_retries(ecc: "Ecc", rber: float) -> float:
    """Return an upper limit of P(a codeword is wrong in the end): failed at the last read, or miscorrected at any."""
    retry = ecc.spec.retry
    last = retry.max if ecc.detects else 0
    attempts = range(0 if ecc.miscorrects else last, last + 1)
    return min(1.0, sum(ecc.codeword_failure(rber * retry.rber_factor**attempt) for attempt in attempts))
