"""One trial: flip stored bits, correct what ECC can, decode what changed, count the images still right, undo."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.records import BlockCount, Trial, TrialCounts
from nvmsim.accuracy.stored_part import StoredPart
from nvmsim.accuracy.task import Task
from nvmsim.device.correction import correct
from nvmsim.device.layout import page_and_bit
from nvmsim.inject.backend import decode_uniforms, net_flips
from nvmsim.inject.draws import read_seed

__all__ = ["CompiledTask", "Slot", "Task", "Trial", "disturbed", "draw_noise", "run_trial"]


class Noise(NamedTuple):
    """The bits of a part in a trial before anything is decoded: addresses still wrong, flips seen, codewords failed."""

    wrong: NDArray[np.uint64]
    raw_flips: int
    failed_codewords: int


def draw_noise(compiled: CompiledTask, trial: int, block: int = 0) -> tuple[Noise, ...]:
    """Return what a read of each part of the model gets wrong in ``trial``, after correction where there is any.

    ``block`` is the block of images for which the weights are read: it matters where errors are anew at each read.
    """
    return tuple(_noise(part, trial, block) for part in compiled.parts)


def _noise(part: StoredPart, trial: int, block: int) -> Noise:
    task, layout = part.task, part.task.layout
    drawn = net_flips(_flips(part, trial, block, 0))
    raw = int(np.count_nonzero(page_and_bit(drawn)[1] < layout.read_bits))
    if task.ecc is None:
        return Noise(drawn, raw, 0)
    seed, number = (read_seed(task.seed, trial, 0), block) if task.per_read_fraction else (task.seed, trial)
    corrected = correct(
        lambda attempt: drawn if attempt == 0 else _flips(part, trial, block, attempt),
        codes=part.ecc.codes,
        layout=layout,
        codeword_bytes=task.ecc.codeword_bytes,
        parity_bytes=task.ecc.parity_bytes,
        uniforms=lambda pages, codewords: decode_uniforms(seed, number, pages, codewords),
    )
    return Noise(corrected.addresses, raw, corrected.failed)


def _flips(part: StoredPart, trial: int, block: int, attempt: int) -> NDArray[np.uint64]:
    """Return the addresses of the events that a read attempt sees: the trial's stored ones, and those of this read."""
    task, (stored, fresh) = part.task, part.sources(attempt)
    how = {"classes": part.places.at(trial), "offset": part.places.offset(trial)}
    drawn = stored.draw(part.backend, part.target, seed=task.seed, trial=trial, **how)
    if fresh is not None:
        seed = read_seed(task.seed, trial, attempt)
        anew = fresh.draw(part.backend, part.target, seed=seed, trial=block, **how)
        drawn = np.concatenate([drawn, anew])
    if part.stuck is not None:
        drawn = part.stuck.read(net_flips(drawn))
    return part.exposure.keep(drawn)


@contextmanager
def disturbed(compiled: CompiledTask, noises: Sequence[Noise]) -> Iterator[tuple[TrialCounts, bool]]:
    """Hold the stored parts and the network disturbed by ``noises``; on leaving, however, both are as they were.

    Gives the trial's counts and whether any stored word changed. Cost: O(flips).
    """
    flat, hits = compiled.slot.network.flat.numpy(), []
    for part, noise in zip(compiled.parts, noises, strict=True):
        hits.append((part, *part.holding_data(noise.wrong)))
    changed = reduce(np.union1d, (weights for _, _, weights in hits))
    _flip(hits)
    try:
        values, nulled = compiled.decode(changed)
        flat[changed] = values
        residual = sum(wrong.size for _, wrong, _ in hits)
        yield _counts(compiled, noises, residual=residual, newly=_newly(compiled, changed, nulled)), changed.size > 0
    finally:
        _flip(hits)
        flat[changed] = compiled.clean[changed]


def _flip(hits: Sequence[tuple[StoredPart, NDArray[np.uint64], NDArray[np.int64]]]) -> None:
    for part, wrong, _ in hits:
        part.flip(wrong)


def _newly(compiled: CompiledTask, changed: NDArray[np.int64], nulled: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(nulled)) - int(np.count_nonzero(compiled.clean_nulled[changed]))


def _counts(compiled: CompiledTask, noises: Sequence[Noise], *, residual: int, newly: int) -> TrialCounts:
    return TrialCounts(
        raw_flips=sum(noise.raw_flips for noise in noises),
        raw_bits=sum(part.exposure.read_bits for part in compiled.parts),
        residual_flips=residual,
        data_bits=sum(part.exposure.n_bits for part in compiled.parts),
        nulled=compiled.clean_nulls + newly,
        failed_codewords=sum(noise.failed_codewords for noise in noises),
    )


def run_trial(compiled: CompiledTask, trial: int, blocks: Sequence[int]) -> Trial:
    """Run trial number ``trial`` of a compiled task on ``blocks`` of images; the same on any worker, any day.

    Where no stored word changed, the counts of the clean network stand. Where errors are anew at each read, each block
    has a read of its own, and the trial's counts of bits are those of block 0's, whether it is among ``blocks`` or not.
    Raises InputError on a trial out of range.
    """
    started = perf_counter()
    compiled.load()
    if not compiled.parts:
        results = _counted(compiled, blocks, changed=False, started=started)
        return Trial(compiled.facts, trial, TrialCounts(), results)
    if compiled.task.per_read_fraction:
        return _read_anew(compiled, trial, blocks, started=started)
    with disturbed(compiled, draw_noise(compiled, trial)) as (counts, changed):
        return Trial(compiled.facts, trial, counts, _counted(compiled, blocks, changed=changed, started=started))


def _read_anew(compiled: CompiledTask, trial: int, blocks: Sequence[int], *, started: float) -> Trial:
    results: dict[int, BlockCount] = {}
    for block in dict.fromkeys((0, *blocks)):
        with disturbed(compiled, draw_noise(compiled, trial, block)) as (counts, changed):
            seen = [block] if block in blocks else []
            results |= _counted(compiled, seen, changed=changed, started=started)
        if block == 0:
            first = counts
        started = perf_counter()
    return Trial(compiled.facts, trial, first, results)


def _counted(compiled: CompiledTask, blocks: Sequence[int], *, changed: bool, started: float) -> dict[int, BlockCount]:
    network, results = compiled.slot.network, {}
    for block in blocks:
        right = compiled.correct(block) if changed else compiled.clean_count(block)
        now = perf_counter()
        results[block] = BlockCount(right, network.block_images(block), now - started)
        started = now
    return results
