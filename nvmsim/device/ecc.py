"""What an error-correcting code lets through."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from nvmsim.device.binomial import binomial_pmf
from nvmsim.device.codewords import DETECTED, SILENT, Decoded, ErrorPatterns
from nvmsim.device.doubts import beyond_limits
from nvmsim.device.ecc_ldpc import LdpcWaterfall, calibrate
from nvmsim.errors import InputError
from nvmsim.plugins import lookup

if TYPE_CHECKING:
    from nvmsim.device.profile import Device, EccSpec
    from nvmsim.device.rber import Rates


@dataclass(frozen=True)
class Ecc(ABC):
    """An error-correcting code over codewords of ``codeword_bytes`` data and ``parity_bytes`` parity.

    A kind of its own says in :meth:`failure` how many errors it stands; all else follows. ``detects`` tells whether
    the decoder can know that it failed, so that the read is tried again; ``miscorrects``, whether it may be wrong
    without knowing, so that no other read mends it: it says in :meth:`silent` how often (all that fails).
    ``decoder`` belongs to a task's identity where it is not empty: it changes whenever the same errors are decoded
    to something else. A code with soft input has a :meth:`soft_spec`.
    """

    spec: EccSpec
    detects = True
    miscorrects = False
    decoder = ""

    @property
    def data_bits(self) -> int:
        """Data bits of a codeword (k)."""
        return 8 * self.spec.codeword_bytes

    @property
    def codeword_bits(self) -> int:
        """Data and parity bits of a codeword (n)."""
        return 8 * (self.spec.codeword_bytes + self.spec.parity_bytes)

    @property
    def codes(self) -> tuple[Ecc, ...]:
        """The code that decodes each read of a page: this one, and behind all retries that of soft reads.

        Raises InputError if the specification has soft reads that the code cannot decode.
        """
        soft = self.spec.soft
        hard = (self,) * (1 + self.spec.retry.max if self.detects else 1)
        return hard if soft is None else hard + (self._soft(),) * soft.max

    def _soft(self) -> Ecc:
        spec = self.soft_spec()
        try:
            return SoftInput(self.spec, self, type(self)(spec))
        except InputError as error:
            raise InputError([problem.replace("ecc.", "ecc.soft.", 1) for problem in error.problems]) from None

    def soft_spec(self) -> EccSpec:
        """Return the specification of the code as it decodes soft reads; raises InputError if it cannot."""
        raise InputError(
            f"ecc.soft: code {self.spec.code} has no soft input; must be left out, or the code ldpc(-table)"
        )

    @abstractmethod
    def failure(self, errors: ArrayLike) -> np.ndarray:
        """Return P(decoding fails | this many of the codeword's bits are wrong), float64 in the shape of ``errors``."""

    def decode(self, patterns: ErrorPatterns) -> Decoded:
        """Return what the decoder makes of codewords that fail: here they stay as read, flagged if it ``detects``."""
        return Decoded.untouched(len(patterns.data_bits), outcome=DETECTED if self.detects else SILENT)

    def codeword_failure(self, rber: float, *, shortened_bits: int = 0) -> float:
        """Return P(a codeword fails) if each bit is wrong with probability ``rber`` alone: the exact binomial sum.

        Relative error below 1e-10 down to 1e-300. ``shortened_bits`` are known to both sides and never wrong.
        """
        return self._expected(self.failure, rber, self.codeword_bits - shortened_bits)

    def noticed_failure(self, rber: float, *, shortened_bits: int = 0) -> float:
        """Return the part of :meth:`codeword_failure` that the decoder notices, so that the page is read again."""
        return self._expected(self.noticed, rber, self.codeword_bits - shortened_bits)

    def silent(self, errors: ArrayLike) -> np.ndarray:
        """Return about P(a codeword ends wrong and nobody knows | so many of its bits are wrong), as `failure` does."""
        return self.failure(errors) if self.miscorrects else np.zeros(np.shape(errors))

    def noticed(self, errors: ArrayLike) -> np.ndarray:
        """Return about P(decoding fails, and the decoder knows): what fails and is not :meth:`silent`."""
        return self.failure(errors) - self.silent(errors) if self.detects else np.zeros(np.shape(errors))

    def silent_most(self, errors: ArrayLike) -> np.ndarray:
        """Return an upper limit of what :meth:`silent` is about."""
        return self.silent(errors)

    def doubts(self, *, soft: bool = False) -> tuple[str, ...]:
        """Return what no code can do though the specification says so, each with its key; ``soft`` reads or hard."""
        return ()

    def silent_uber(self, rber: float) -> float:
        """Return the part of :meth:`uber` that nobody knows of, so that no other read mends it."""
        return self._expected(self.silent, rber, self.codeword_bits) / self.data_bits

    @staticmethod
    def _expected(chance: Callable[[np.ndarray], np.ndarray], rber: float, bits: int) -> float:
        """Return the mean of a chance given the errors, over the errors of so many bits."""
        return min(1.0, float(binomial_pmf(bits, rber) @ chance(np.arange(bits + 1))))

    def uber(self, rber: float) -> float:
        """Return the uncorrectable bit error rate: P(a codeword fails) / data bits (JEDEC JESD218)."""
        return self.codeword_failure(rber) / self.data_bits


@dataclass(frozen=True)
class SoftInput(Ecc):
    """A code as it decodes soft reads: these hold the hard bits too, so it never fails where ``hard`` would not."""

    hard: Ecc
    soft: Ecc

    @property
    def decoder(self) -> str:
        """The version of the decoder of soft bits, which takes the hard ones where they serve better."""
        return f"{self.soft.decoder} or hard".strip()

    @property
    def detects(self) -> bool:
        """Whether the decoder of soft bits can know that it failed."""
        return self.soft.detects

    @property
    def miscorrects(self) -> bool:
        """Whether the decoder of soft bits may be wrong without knowing."""
        return self.soft.miscorrects

    def failure(self, errors: ArrayLike) -> np.ndarray:
        """Return the failure of the better of the two."""
        return np.minimum(self.hard.failure(errors), self.soft.failure(errors))

    def silent(self, errors: ArrayLike) -> np.ndarray:
        """Return what the decoder of soft bits leaves unknown, of what fails."""
        return np.minimum(self.failure(errors), self.soft.silent(errors))

    def decode(self, patterns: ErrorPatterns) -> Decoded:
        """Decode as the decoder of soft bits does."""
        return self.soft.decode(patterns)


@dataclass(frozen=True)
class NoEcc(Ecc):
    """No code: every error stays, and nobody knows of it."""

    detects = False

    def failure(self, errors: ArrayLike) -> np.ndarray:
        """Return 1 for any error."""
        return np.where(np.asarray(errors) > 0, 1.0, 0.0)


@dataclass(frozen=True)
class Ldpc(Ecc):
    """A code known by its correction limit: UBER is ``uber_target`` at RBER ``limit_rber``.

    Decoding fails with probability Phi((log10(errors / n) - m) / s): m, where half of the codewords fail, lies
    ``waterfall_decades`` above the limit, and s is what the target at the limit then implies.
    Raises InputError if the three numbers do not fit a codeword of this length.
    """

    def __post_init__(self) -> None:
        self.waterfall  # noqa: B018  (a bad specification must fail here, not in the first read)

    @property
    def waterfall(self) -> LdpcWaterfall:
        """The calibrated curve (computed once a specification)."""
        spec = self.spec
        return calibrate(
            self.codeword_bits,
            limit_rber=spec.limit_rber,
            waterfall_decades=spec.waterfall_decades,
            uber_target=spec.uber_target,
            data_bits=self.data_bits,
        )

    def soft_spec(self) -> EccSpec:
        """Return the code of the same codewords with the limit of soft reads."""
        soft, limit = self.spec.soft, self.spec.limit_rber
        if soft.limit_rber < limit:
            raise InputError(f"ecc.soft.limit_rber: {soft.limit_rber:g}: must be at least ecc.limit_rber, {limit:g}")
        limits = {"limit_rber": soft.limit_rber, "waterfall_decades": soft.waterfall_decades}
        return replace(self.spec, soft=None, **limits)

    def doubts(self, *, soft: bool = False) -> tuple[str, ...]:
        """Say where half of the codewords survive Shannon's limit, or hard reads keep what sphere packing forbids."""
        return beyond_limits(self, soft=soft)

    def failure(self, errors: ArrayLike) -> np.ndarray:
        """Return the waterfall at this many errors."""
        return self.waterfall.failure(errors)


def make_ecc(spec: EccSpec) -> Ecc:
    """Build the code that a profile's ``ecc`` section names; raises InputError with what does not fit in it.

    >>> from nvmsim.device.profile import load_device
    >>> make_ecc(load_device("slc").ecc).failure([8, 9]).tolist()
    [0.0, 1.0]
    """
    ecc = lookup("ecc", spec.code)(spec)
    ecc.codes  # noqa: B018  (as Ldpc's waterfall: soft reads that cannot be decoded must fail here)
    return ecc


def page_failures(device: Device, rates: Rates) -> np.ndarray:
    """Return P(a page read fails at attempt r), float64 (page types, attempts): the first, ``retry.max``, ``soft.max``.

    A page fails if any of its codewords does, as far as decoders notice: what was miscorrected is not read again.
    Attempt r sees the rates times ``rber_factor``^r, or ``rates.retries``, soft ones those of the last retry.
    Nearly all errors of a retry are among those before it, so this is taken as P(all attempts up to r fail) too.
    Zero where nothing detects. Where pages differ, it is the mean over pages.

    >>> from nvmsim.device.profile import load_device
    >>> from nvmsim.device.rber import Rates
    >>> page_failures(load_device("slc"), Rates(((1e-3, 1e-3),))).round(3).tolist()
    [[0.202]]
    """
    return np.array(_page_failures(make_ecc(device.ecc), device.page.user_bytes, rates))


@lru_cache(maxsize=4096)
def _page_failures(ecc: Ecc, user_bytes: int, rates: Rates) -> tuple[tuple[float, ...], ...]:
    if not ecc.detects:
        return ((0.0,) * ecc.spec.attempts,) * len(rates.by_page_type)
    fails = [partial(_page_failure, code, user_bytes) for code in ecc.codes]
    return tuple(
        tuple(rates.page_mean(fail, rber) for fail, rber in zip(fails, row, strict=True))
        for row in _rber_read(ecc.spec, rates)
    )


def codeword_errors(device: Device, rates: Rates) -> np.ndarray:
    """Return the mean number of wrong bits in a codeword at attempt r, float64 (page types, attempts).

    That of all pages of a type, also of a retry, which only the worse ones of them get.

    >>> from nvmsim.device.profile import load_device
    >>> from nvmsim.device.rber import Rates
    >>> codeword_errors(load_device("slc"), Rates(((1e-3, 1e-3),))).tolist()  # 8 (512 + 13) bits
    [[4.2]]
    """
    bits = make_ecc(device.ecc).codeword_bits
    return bits * np.array([[rates.page_mean(float, rber) for rber in row] for row in _rber_read(device.ecc, rates)])


def final_uber(device: Device, rates: Rates) -> float:
    """Return the uncorrectable bit error rate after the last retry, of the worst page type (mean over its pages).

    Codewords that an earlier read miscorrected are in it: they are not read again.

    >>> from nvmsim.device.profile import load_device
    >>> from nvmsim.device.rber import Rates
    >>> f"{final_uber(load_device('slc'), Rates(((5.49e-5, 5.49e-5),))):.1e}"
    '1.0e-15'
    """
    return _final_uber(make_ecc(device.ecc), rates)


@lru_cache(maxsize=4096)
def _final_uber(ecc: Ecc, rates: Rates) -> float:
    reads = _rber_read(ecc.spec, rates)[:, : len(ecc.codes)]
    return max(_uber_of_reads(ecc.codes, rates, row) for row in reads)


def _uber_of_reads(codes: Sequence[Ecc], rates: Rates, reads: np.ndarray) -> float:
    """Return UBER after reads at these RBERs, the last one and what those before it left without anybody's knowing."""
    *earlier, (last, at) = zip(codes, reads, strict=True)
    before = sum(rates.page_mean(code.silent_uber, rber) for code, rber in earlier if code.miscorrects)
    return min(1.0, before + rates.page_mean(last.uber, at))


def _rber_read(spec: EccSpec, rates: Rates) -> np.ndarray:
    """Return the RBER of a scrambled page (half of its bits store 1), float64 (page types, attempts)."""
    retry = np.array([spec.retry_of(attempt) for attempt in range(spec.attempts)])
    if rates.retries:
        return np.array([rates.by_page_type, *rates.retries]).mean(axis=2).T[:, retry]
    return np.minimum(np.outer(rates.array.mean(axis=1), spec.retry.rber_factor**retry), 0.5)


def _page_failure(ecc: Ecc, user_bytes: int, rber: float) -> float:
    """Return P(any codeword of a page fails, and the decoder notices); the last one may hold less data."""
    full, rest = divmod(user_bytes, ecc.spec.codeword_bytes)
    with np.errstate(divide="ignore"):  # a codeword that surely fails
        survival = full * np.log1p(-ecc.noticed_failure(rber)) if full else 0.0
        if rest:
            survival += np.log1p(-ecc.noticed_failure(rber, shortened_bits=ecc.data_bits - 8 * rest))
    return float(-np.expm1(survival))
