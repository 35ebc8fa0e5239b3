"""How temperature speeds up the loss of stored charge."""

import math
from dataclasses import dataclass

BOLTZMANN_EV_PER_K = 8.617333262e-5  # CODATA 2018, exact since the 2019 SI
KELVIN_AT_0_C = 273.15
_LARGEST_EXPONENT = 700.0  # of a float64; any such age is beyond every table


@dataclass(frozen=True)
class Arrhenius:
    """One activation energy for all of retention, and the temperature at which a model was fitted.

    The default, 1.1 eV, is the activation energy of JEDEC JESD218 (and measured by Malavena et al., 2023);
    40 °C is JESD218's enterprise storage temperature. One energy is an approximation: bakes underestimate
    a year at room temperature (HotStorage'21).

    >>> round(Arrhenius(1.1, 30).equivalent_days(1, temperature_c=40), 2)
    3.84
    """

    activation_energy_ev: float = 1.1
    reference_temperature_c: float = 40.0

    def equivalent_days(self, days: float, *, temperature_c: float) -> float:
        """Return the days at the reference temperature that age as ``days`` at ``temperature_c`` (above -273.15)."""
        per_kelvin = [1 / (celsius + KELVIN_AT_0_C) for celsius in (self.reference_temperature_c, temperature_c)]
        exponent = self.activation_energy_ev / BOLTZMANN_EV_PER_K * (per_kelvin[0] - per_kelvin[1])
        return days * math.exp(min(exponent, _LARGEST_EXPONENT))
