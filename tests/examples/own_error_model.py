"""An error model of your own: RBER grows tenfold each time the rated P/E cycles are used up once more.

Copy this file, change the class, import it, and name it in a profile:

    rber: {model: tenfold, fresh_rber: 1.0e-5, rated_pe_cycles: 3000}

A package that should work without the import names the class in its pyproject.toml:

    [project.entry-points."nvmsim.error_model"]
    tenfold = "my_package.own_error_model:Tenfold"
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nvmsim import ErrorModel, InputError, Rates, register

ALLOWED = {"fresh_rber": (1e-12, 0.5), "rated_pe_cycles": (1, 1e9)}


@dataclass(frozen=True)
class Tenfold(ErrorModel):
    """RBER = fresh_rber x 10^(P/E cycles / rated_pe_cycles), at most 0.5, for every page type and stored bit."""

    fresh_rber: float
    rated_pe_cycles: float
    page_types: int

    @classmethod
    def from_profile(cls, parameters: Mapping[str, float], cell: object, page_types: Sequence[str]) -> "Tenfold":
        """Check the profile's ``rber`` section, which comes without its ``model`` and its sources."""
        problems = [f"{key}: unknown; known are {', '.join(ALLOWED)}" for key in set(parameters) - {*ALLOWED, "source"}]
        for key, (low, high) in ALLOWED.items():
            value = parameters.get(key)
            if not isinstance(value, int | float) or not low <= value <= high:
                problems.append(f"{key}: {value}: must be a number from {low:g} to {high:g}")
        if problems:
            raise InputError(problems)
        return cls(parameters["fresh_rber"], parameters["rated_pe_cycles"], len(page_types))

    def rates(self, condition: object) -> Rates:
        """Return (P(flip | stored 0), P(flip | stored 1)) for each page type."""
        rber = min(0.5, self.fresh_rber * 10 ** (condition.pe_cycles / self.rated_pe_cycles))
        return Rates(((rber, rber),) * self.page_types)


register("error_model", "tenfold", Tenfold)
