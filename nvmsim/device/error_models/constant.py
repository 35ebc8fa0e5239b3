"""Rates that do not depend on age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nvmsim.device.error_models.parameters import Parameters
from nvmsim.device.rber import MAX_RBER, ErrorModel, Rates

if TYPE_CHECKING:
    from nvmsim.device.profile import Cell, Condition

STORED = ("rber_stored_0", "rber_stored_1")


@dataclass(frozen=True)
class Constant(ErrorModel):
    """The same rates at every age.

    Parameters, either ``rber`` or both others, each a number from 0 to 0.5 or one number a page type::

        rber: 1.0e-3                            # or {lsb: 1.0e-3, msb: 2.0e-3}
        rber_stored_0: 1.0e-3                   # P(flip | stored 0)
        rber_stored_1: {lsb: 1.0e-3, msb: 3.0e-3}
    """

    by_page_type: tuple[tuple[float, float], ...]
    keys: ClassVar[tuple[str, ...]] = ("rber", *STORED)

    @classmethod
    def from_profile(cls, parameters: Mapping[str, Any], cell: Cell, page_types: Sequence[str]) -> Constant:
        """Build it from a profile; raises InputError with every problem."""
        read = Parameters(parameters, cls.keys)
        both, neither = "rber" in parameters, not any(key in parameters for key in STORED)
        if both and not neither:
            read.problem("rber", parameters["rber"], "give either rber or rber_stored_0 and rber_stored_1")
        keys = ("rber",) if both or neither else STORED
        zero, *one = (read.by_page_type(key, page_types, high=MAX_RBER) for key in keys)
        read.check()
        return cls(tuple(zip(zero, *(one or [zero]), strict=True)))

    def rates(self, condition: Condition) -> Rates:
        """Return the rates; the age does not matter."""
        return Rates(self.by_page_type)
