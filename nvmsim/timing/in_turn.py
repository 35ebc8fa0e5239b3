"""Files read one after the other, each in a mode of its own, as one read: what the whole takes and why."""

from collections.abc import Callable, Sequence
from math import fsum, prod
from typing import NamedTuple

from nvmsim.timing.causes import SpeedCauses
from nvmsim.timing.read_path import ReadTiming


class FileRead(NamedTuple):
    """How one file is read; it stores ``weight_bits`` bits of each weight (a mean), and ``page_bits`` on a page."""

    timing: ReadTiming
    causes: SpeedCauses
    weight_bits: float
    page_bits: int


def timing_in_turn(files: Sequence[FileRead]) -> ReadTiming:
    """Return the timing of reading all files, one after the other: what serves one file alone idles meanwhile.

    Bandwidth is that of all bytes in the time of all files, which a reader that interleaves them may exceed; loading
    times and their errors add up; a resource's utilisation is the mean over that time, a page's stages are means over
    all pages; the bottleneck is that of the file that takes longest.
    """
    if len(files) == 1:
        return files[0].timing
    times = [file.weight_bits / file.timing.read_bandwidth_mb_s for file in files]
    pages = [file.weight_bits / file.page_bits for file in files]
    loads = [file.timing.load_us for file in files]
    return ReadTiming(
        read_bandwidth_mb_s=fsum(file.weight_bits for file in files) / fsum(times),
        bottleneck=files[times.index(max(times))].timing.bottleneck,
        utilisation=_means([file.timing.utilisation for file in files], times),
        load_us=None if None in loads else fsum(loads),
        page_read_us=_means([file.timing.page_read_us for file in files], pages),
        relative_error=_mean([file.timing.relative_error for file in files], times),
    )


def causes_in_turn(files: Sequence[FileRead]) -> SpeedCauses:
    """Return the speed-up over mode ecc of reading all files in turn, split into causes whose product it is.

    Causes go away one after another, in the order of `speed_causes`, each in all files at once. Until the bytes change,
    the files share the baseline's 16 bits a weight in proportion to their own.

    >>> ecc, bare = SpeedCauses(2.0, 2.0, 1.0, 1.0, 1.0), SpeedCauses(4.0, 2.0, 2.0, 1.0, 1.0)
    >>> timing = ReadTiming(1.0, "bus", {}, None, {}, 0.0)
    >>> found = causes_in_turn([FileRead(timing, ecc, 8, 64), FileRead(timing, bare, 8, 64)])
    >>> round(found.speedup, 3), round(found.bytes, 3), round(found.decoder, 3)
    (1.333, 1.0, 1.333)
    """
    if len(files) == 1:
        return files[0].causes
    share = [file.weight_bits / fsum(other.weight_bits for other in files) for file in files]

    def time(gained: Callable[[SpeedCauses], float], parts: Sequence[float]) -> float:
        return fsum(part / gained(file.causes) for file, part in zip(files, parts, strict=True))

    whole = [1.0] * len(files)  # a file's own bytes say how much of a model it is
    once = time(lambda causes: causes.retries, share)
    plain = time(lambda causes: causes.retries * causes.decoder, share)
    less = time(lambda causes: prod((causes.retries, causes.decoder, causes.bytes)), whole)
    found = time(lambda causes: causes.speedup, whole)
    return SpeedCauses(1 / found, bytes=plain / less, decoder=once / plain, retries=1 / once, host=less / found)


def _means(figures: Sequence[dict[str, float]], weights: Sequence[float]) -> dict[str, float]:
    names = dict.fromkeys(name for one in figures for name in one)
    return {name: _mean([one.get(name, 0.0) for one in figures], weights) for name in names}


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return fsum(value * weight for value, weight in zip(values, weights, strict=True)) / fsum(weights)
