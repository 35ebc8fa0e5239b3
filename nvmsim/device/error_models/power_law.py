"""The power law of write, retention and read disturb."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nvmsim.device.error_models.fitted_range import FittedRange, fitted_range
from nvmsim.device.error_models.parameters import ARRHENIUS_KEYS, Parameters
from nvmsim.device.rber import MAX_RBER, ErrorModel, Rates, clipped

if TYPE_CHECKING:
    from nvmsim.device.profile import Cell, Condition

WRITE, RETENTION, READS = ("alpha", "k"), ("beta", "m", "n"), ("gamma", "p", "q")
TERMS = ("epsilon", *WRITE, *RETENTION, *READS, "read_disturb_pages")
UNWORN = "pe_cycles 0: the power law has no loss in retention without any cycle; computed as asked"
KEYS = (*TERMS, "page_type_factors", "valid_range", *ARRHENIUS_KEYS)


@dataclass(frozen=True)
class PowerLaw(ErrorModel):
    """Mean RBER = epsilon + alpha N^k + beta N^m t^n + gamma N^p R^q, times a factor for each page type.

    N is P/E cycles, t the retention in days at the reference temperature (Arrhenius), R the reads since
    programming (``reads_per_page`` x ``read_disturb_pages``). The mechanisms are Mielke et al., IRPS 2008;
    the form is Kim, Choi and Min, FAST 2019. All parameters are at least 0; a term's may all be missing::

        epsilon: 1.48e-3                        # RBER of a fresh device
        alpha: 3.90e-10                         # write (P/E cycles)
        k: 2.05
        beta: 6.28e-5                           # retention
        m: 0.14
        n: 0.54
        gamma: 3.73e-9                          # read disturb
        p: 0.33
        q: 1.71
        read_disturb_pages: 1                   # default 1: R is a page's reads; pages_per_block if R is a block's
        activation_energy_ev: 1.1               # default 1.1
        reference_temperature_c: 40             # default 40
        page_type_factors: {lsb: 0.84, csb: 1.22, msb: 0.94}    # page RBER / mean RBER; default 1; mean 1
        valid_range: {pe_cycles: [0, 3000], retention_days: [0, 365], reads_per_page: [0, 100], temperature_c: [25, 55]}

    Outside ``valid_range`` (all of it optional) the law is computed as asked, with a warning.
    """

    epsilon: float
    write: tuple[float, ...]
    retention: tuple[float, ...]
    reads: tuple[float, ...]
    read_disturb_pages: float
    factors: tuple[float, ...]
    fitted: FittedRange
    keys: ClassVar[tuple[str, ...]] = KEYS

    @classmethod
    def from_profile(cls, parameters: Mapping[str, Any], cell: Cell, page_types: Sequence[str]) -> PowerLaw:
        """Build it from a profile; raises InputError with every problem."""
        read = Parameters(parameters, cls.keys)
        law = cls(
            epsilon=read.number("epsilon", high=MAX_RBER),
            write=_term(read, WRITE),
            retention=_term(read, RETENTION),
            reads=_term(read, READS),
            read_disturb_pages=read.number("read_disturb_pages", above=True, default=1.0),
            factors=read.page_type_factors(page_types),
            fitted=fitted_range(read, {}),
        )
        read.check()
        return law

    def rates(self, condition: Condition) -> Rates:
        """Return the rates of each page type, equal for both stored bits."""
        mean = min(sum(self.terms(condition).values()), sys.float_info.max)
        said = (*self.fitted.warnings(condition), *self._unworn(condition))
        return clipped([(mean * factor,) * 2 for factor in self.factors], said)

    def _unworn(self, condition: Condition) -> tuple[str, ...]:
        """Say where the law steps from no retention to most of it, as real cells do not in their first cycle."""
        coefficient, wear, _ = self.retention
        asked = condition.retention_days and not condition.pe_cycles
        return (UNWORN,) if asked and coefficient and 0 < wear < 1 else ()

    def terms(self, condition: Condition) -> dict[str, float]:
        """Return what each cause adds to the mean RBER: fresh, write, retention, read_disturb."""
        wear, days = condition.pe_cycles, self.fitted.equivalent_days(condition)
        reads = condition.reads_per_page * self.read_disturb_pages
        return {
            "fresh": self.epsilon,
            "write": _product(self.write, wear),
            "retention": _product(self.retention, wear, days),
            "read_disturb": _product(self.reads, wear, reads),
        }

    def idle(self, condition: Condition) -> tuple[str, ...]:
        """Name the parameters of causes that have not been at work at this age, and the exponents of no coefficient."""
        wear, days, reads = condition.pe_cycles, condition.retention_days, condition.reads_per_page
        terms = {
            WRITE: (self.write, (wear,)),
            RETENTION: (self.retention, (wear, days)),
            (*READS, "read_disturb_pages"): (self.reads, (wear, reads)),
        }
        found: list[str] = []
        for keys, (term, causes) in terms.items():
            at_work = _product((1.0, *term[1:]), *causes)
            found += keys if not at_work else () if term[0] else keys[1:]
        by_heat = ARRHENIUS_KEYS if "n" in found or not self.retention[2] else self.fitted.idle(condition)
        return (*by_heat, *found)

    def defaults(self) -> Mapping[str, Any]:
        """Return those of the temperature."""
        return self.fitted.defaults()


def _term(read: Parameters, keys: tuple[str, ...]) -> tuple[float, ...]:
    """Read a coefficient and its exponents; a term that is not there is 0."""
    if any(key in read for key in keys):
        return tuple(read.number(key) for key in keys)
    return (0.0,) * len(keys)


def _product(term: tuple[float, ...], *causes: float) -> float:
    coefficient, *exponents = term
    try:
        powers = [cause**exponent for cause, exponent in zip(causes, exponents, strict=True)]
    except OverflowError:
        return MAX_RBER if coefficient else 0.0
    return coefficient * math.prod(powers) if coefficient and 0 not in powers else 0.0
