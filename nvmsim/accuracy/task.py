"""What is to be measured, as data: small, hashable, and named by what changes the result and nothing else."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nvmsim.accuracy.unequal import Unequal
from nvmsim.device.block_variation import BlockVariation
from nvmsim.device.ecc import make_ecc
from nvmsim.device.every_model import StuckAt
from nvmsim.device.layout import PageLayout
from nvmsim.device.page_classes import MOST_CLASSES
from nvmsim.device.page_variation import CLASSES
from nvmsim.device.parts import EccSpec
from nvmsim.device.placement import PLACEMENT_VERSION
from nvmsim.encoding.spec import make_encoding
from nvmsim.errors import InputError
from nvmsim.inject.sampler import SAMPLER_VERSION, rung_for

FLOAT32 = "float32"
RatesByType = tuple[tuple[float, float], ...]
_PLACES = ("channels", "dies_per_channel", "planes_per_die", "page_types")
_LATER = ("table", "input", "soft")  # keys that older identities do not have
_GROWTH = ("decode_growth_per_error", "decode_growth_limit")
_DECODER_SPEED = ("engines", "decode_latency_us", "decode_bandwidth_gb_s", *_GROWTH)
_SOFT_SPEED = (*_DECODER_SPEED, "senses", "transfers")


@dataclass(frozen=True)
class Task:
    """One scheme on one network at given flip rates, whose mean accuracy is wanted.

    ``rates`` are (P(flip | stored 0), P(flip | stored 1)) a page type; ``rung_rber`` is the sampler's ladder step.
    ``ecc`` is None where reads are not corrected. ``encoding`` is a specification (``binary:16+parity-nulling``), or
    "float32": the undistorted network, the baseline. ``model`` is a label; ``network`` (a plug-in's name, "" for a
    model whose checksum covers its structure) and the two checksums say what computes. Errors meet the words of
    ``layers`` (names of modules; empty: all) and of these the ``bits`` (0 the least significant; empty: all) alone.
    Where ``page_sigma`` is above 0, each page has its own multiple of the rates (`page_factors`): which page is how bad
    is ``device_seed``'s, the same in every trial, and so is which of the ``blocks``; where layers of blocks differ, a
    trial starts on another one (`PagePlaces`). A ``per_read_fraction`` of the rates is drawn anew for every block of
    images, for which the weights are read again; with 0 one read serves all. ``stuck`` cells are ``device_seed``'s too.
    ``retry_rates`` are the rates of each retry, where they are not ``ecc.retry.rber_factor`` times those before.
    ``unequal`` says which part of the model ``layout`` and ``ecc`` are of, where they are not of all of it. Where the
    layout places by page type, the words of ``first_layers`` (names of modules) come first; empty: bit planes. Raises
    InputError if errors are to meet only some of what is stored unequally.
    """

    model: str
    weights_sha256: str
    data_sha256: str
    encoding: str
    range_scope: str
    rates: RatesByType
    rung_rber: float
    layout: PageLayout
    ecc: EccSpec | None = None
    seed: int = 0
    order_seed: int = 0
    network: str = ""
    layers: tuple[str, ...] = ()
    bits: tuple[int, ...] = ()
    page_sigma: float = 0.0
    device_seed: int = 0
    per_read_fraction: float = 0.0
    stuck: StuckAt | None = None
    retry_rates: tuple[RatesByType, ...] = ()
    unequal: Unequal | None = None
    blocks: BlockVariation | None = None
    first_layers: tuple[str, ...] = ()
    sampler_version: int = SAMPLER_VERSION

    def __post_init__(self) -> None:
        if self.unequal is not None and (self.layers or self.bits):
            raise InputError("layers, bits: errors meet all that is stored with unequal ECC; leave them out")

    @property
    def exact(self) -> bool:
        """Whether every trial is the same: nothing can flip."""
        return self.stuck is None and not any(any(pair) for pair in self.rates)

    def rates_at(self, attempt: int) -> NDArray[np.float64]:
        """Return the rates of a read attempt, 0 the first, float64 (page types, 2); later ones are those of ``ecc``."""
        retry = self.ecc.retry_of(attempt) if attempt else 0
        if retry and self.retry_rates:
            return np.array(self.retry_rates[retry - 1], np.float64)
        factor = self.ecc.retry.rber_factor**retry if retry else 1.0
        return np.asarray(self.rates) * factor

    @property
    def baseline(self) -> "Task":
        """The same network in float32 without any noise, on the same images."""
        none = tuple((0.0, 0.0) for _ in self.rates)
        return Task(
            model=self.model,
            weights_sha256=self.weights_sha256,
            data_sha256=self.data_sha256,
            encoding=FLOAT32,
            range_scope="global",
            rates=none,
            rung_rber=rung_for(0.0),
            layout=self.layout,
            order_seed=self.order_seed,
            network=self.network,
        )

    @property
    def identity(self) -> dict[str, Any]:
        """What the id is made of: all that changes the result. Noise that cannot flip anything leaves no trace in it.

        Where all rates are equal, it does not matter on which page type a page is or whether it is scrambled.
        """
        known = {"network": self.network, "weights": self.weights_sha256, "data": self.data_sha256}
        known["order_seed"] = self.order_seed
        if self.encoding == FLOAT32:
            return {**known, "encoding": FLOAT32}
        known |= {"encoding": make_encoding(self.encoding).spec, "range_scope": self.range_scope}
        if self.exact:
            return known
        rates, idle = [list(map(float, pair)) for pair in self.rates], ()
        reads = (self.rates, *(self.retry_rates if self.ecc is not None else ()))
        alike = all(len({rate for pair in read for rate in pair}) == 1 for read in reads)
        if alike and not self.layout.plane_order:
            idle, rates = self._idle(), rates[:1]
        noise = {"rates": rates, "rung_rber": float(self.rung_rber), "seed": self.seed, "sampler": self.sampler_version}
        part = {"layers": sorted(set(self.layers)), "bits": sorted(set(self.bits))}
        noise |= {key: chosen for key, chosen in part.items() if chosen}
        if self.unequal is not None:
            bare = _known_layout(self.unequal.layout, idle)
            noise |= {"unequal": {**self.unequal.protected.identity, "layout": bare}}
        layout = _known_layout(self.layout, idle)
        return {**known, **noise, **self._beside(), "layout": layout, "ecc": self._correction()}

    def _idle(self) -> tuple[str, ...]:
        """What of the layout does not matter where all rates are equal."""
        places = _PLACES if self.blocks is None else ()
        return (*places, "scrambler") if self.stuck is None else places  # a stuck cell is wrong by what is stored

    def _beside(self) -> dict[str, Any]:
        """What not every device has: it leaves no trace where it is not there."""
        found: dict[str, Any] = {}
        if self.page_sigma:
            found |= {"page_sigma": self.page_sigma, "page_classes": CLASSES}
        if self.blocks is not None:
            found |= {"blocks": self.blocks.identity, "most_classes": MOST_CLASSES}
            found |= {"page_classes": CLASSES} if self.blocks.sigma else {}
        if self.per_read_fraction:
            found |= {"per_read_fraction": self.per_read_fraction}
        if self.retry_rates and self.ecc is not None:
            found |= {"retry_rates": self.retry_rates}
        if self.layout.plane_order:
            found |= {"placement": PLACEMENT_VERSION}
            found |= {"first_layers": sorted(set(self.first_layers))} if self.first_layers else {}
        if self.stuck is not None:
            found |= {"stuck": asdict(self.stuck)}
        chosen = self.page_sigma or self.stuck or (self.blocks and self.blocks.sigma)
        return found | ({"device_seed": self.device_seed} if chosen else {})

    def _correction(self) -> dict[str, Any] | None:
        if self.ecc is None:
            return None
        known = {key: value for key, value in asdict(self.ecc).items() if key not in _DECODER_SPEED}
        known = {key: value for key, value in known.items() if value is not None or key not in _LATER}
        ecc = make_ecc(self.ecc)
        if self.ecc.soft is not None:
            known["soft"] = {key: value for key, value in known["soft"].items() if key not in _SOFT_SPEED}
            known["soft"] |= {"decoder": ecc.codes[-1].decoder}
        return {**known, "decoder": ecc.decoder} if ecc.decoder else known

    @cached_property
    def text(self) -> str:
        """The identity as canonical JSON: sorted keys, no spaces, shortest exact numbers."""
        return json.dumps(self.identity, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @cached_property
    def id(self) -> str:
        """The SHA-256 of :attr:`text`, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def _known_layout(layout: PageLayout, idle: tuple[str, ...]) -> dict[str, Any]:
    """Return a layout as data, less the keys that change nothing."""
    left = idle if layout.plane_order else (*idle, "plane_order")
    return {key: value for key, value in asdict(layout).items() if key not in left}
