"""How fast a network runs whose weights stay in the device: computed at the host, beside the controller, in the dies.

*host*: weights stream through the whole read path. *controller*: they stop before the host link. Both compute a layer
while the next one loads into the second of two buffers: an inference takes sum over layers of max(load of the next
layer, compute of this one), loads at the steady bandwidth (reads are queued ahead, so no layer waits for a first page),
and nothing is kept from one inference to the next. *die*: bits are used where they are sensed, as they are sensed; no
bus, decoder or host is in the way, spare bytes hold weights, and errors are the raw ones. Assumptions: all planes of
all dies sense at once, one page each a read time; a layer begins with a read of its own and waits for the one before;
one sensing serves all uses of a weight, of the whole batch too; results cost no time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nvmsim.device.ecc import final_uber
from nvmsim.device.layout import MODES, PageLayout
from nvmsim.device.parts import Condition, Device, Host
from nvmsim.device.rber import Rates, device_rates
from nvmsim.errors import InputError
from nvmsim.timing.decisive import SENSE, bottleneck_assumed
from nvmsim.timing.layers import LayerShape
from nvmsim.timing.modes import mode_timings
from nvmsim.timing.read_path import ReadTiming

PLACES = ("host", "controller", "die")
IN_DIE = "in-die"  # how a die's own bits are read
OPS_PER_MAC = 2


@dataclass(frozen=True)
class Work:
    """What is computed: layers in order, stored bits a weight (at least 1), inputs that share a load of the weights."""

    layers: Sequence[LayerShape]
    bits: float = 16
    batch: int = 1

    @property
    def layer_bytes(self) -> np.ndarray:
        """Return the stored bytes of each layer, float64 (layers,)."""
        return np.array([layer.weights for layer in self.layers]) * (self.bits / 8)

    def compute_s(self, tflops: float | None) -> np.ndarray:
        """Return the seconds each layer computes for the whole batch, float64 (layers,); None: no time."""
        macs = np.array([layer.macs for layer in self.layers], dtype=np.float64)
        return macs * 0 if tflops is None else macs * (OPS_PER_MAC * self.batch / (tflops * 1e12))


@dataclass(frozen=True)
class Inference:
    """One answer: where it computes and how it reads.

    ``weights_gb_s`` is 10^9 bytes of stored weights a second while loading; ``load_s``, ``compute_s`` and ``time_s``
    are those of one batch; ``per_s`` counts inferences. ``stall`` is the share of ``time_s`` in which the computer
    waits for weights (None where it has no rate of its own). ``uber`` is that of ECC, None where the bits are raw and
    ``rber`` reaches the weights. ``relative_error`` bounds the error of the bandwidth.
    """

    where: str
    mode: str
    weights_gb_s: float
    load_s: float
    compute_s: float
    time_s: float
    per_s: float
    stall: float | None
    limited_by: str
    assumed: bool
    rber: float
    uber: float | None
    relative_error: float


def inferences(
    device: Device,
    age: Condition,
    work: Work,
    *,
    tflops: Mapping[str, float | None],
    modes: Sequence[str] = MODES,
) -> list[Inference]:
    """Return the answers of every place in ``tflops`` (its computer's 10^12 operations a second; None: no limit).

    Host and controller have one answer a mode, the die one. The cost does not grow with the network. Raises
    InputError if the weights do not fit the device.

    >>> from nvmsim.device.load import load_device
    >>> from nvmsim.timing.layers import one_layer
    >>> hbf = load_device("hbf")
    >>> [row] = inferences(hbf, hbf.condition(), Work(one_layer(7 * 10**9)), tflops={"host": 100}, modes=("ecc",))
    >>> round(row.per_s), row.limited_by
    (101, 'bus')
    """
    _check_fit(device, work, [*(modes if set(tflops) - {"die"} else ()), *(["reclaim"] if "die" in tflops else ())])
    found = []
    for where, rate in tflops.items():
        if where == "die":
            found.append(_in_die(device, age, work, rate))
            continue
        seen = replace(device, host=Host()) if where == "controller" else device
        for mode, timing in mode_timings(seen, age, modes=modes).items():
            found.append(_streamed(seen, age, work, where=where, mode=mode, timing=timing, tflops=rate))
    return found


def sense_bytes(device: Device) -> float:
    """Return the bytes of weights that all planes of all dies sense at once, spare area included.

    >>> from nvmsim.device.load import load_device
    >>> sense_bytes(load_device("tlc"))  # 128 planes x (16384 + 2208) bytes
    2379776.0
    """
    planes = device.geometry.dies * device.geometry.planes_per_die
    return planes * PageLayout.of(device, "reclaim").usable_bits / 8


def sensed_mb_s(device: Device) -> float:
    """Return the bandwidth of all sense amplifiers, 10^6 bytes of weights a second, page after page."""
    return sense_bytes(device) / float(np.mean(device.timing.read_us))


def period_s(load_s: np.ndarray, compute_s: np.ndarray) -> float:
    """Return the time from one inference to the next with two buffers, each layer computing while the next loads.

    Both begin when the layer before has computed and this one is loaded, so they go in step. The layer after the
    last is the first of the next inference.

    >>> period_s(np.array([3.0, 1.0]), np.array([2.0, 4.0]))  # max(2, 1) + max(4, 3)
    6.0
    """
    return float(np.maximum(np.roll(load_s, -1), compute_s).sum())


def _streamed(
    device: Device,
    age: Condition,
    work: Work,
    *,
    where: str,
    mode: str,
    timing: ReadTiming,
    tflops: float | None,
) -> Inference:
    load_s, compute_s = work.layer_bytes / (timing.read_bandwidth_mb_s * 1e6), work.compute_s(tflops)
    corrected = mode == "ecc" and device.ecc.code != "none"
    rates = device_rates(device, age)
    return _answer(
        work,
        load_s,
        compute_s,
        time_s=period_s(load_s, compute_s),
        bottleneck=timing.bottleneck,
        device=device,
        tflops=tflops,
        where=where,
        mode=mode,
        rber=rates.mean,
        corrected=rates if corrected else None,
        age=age,
        uber=final_uber(device, rates) if corrected else None,
        relative_error=timing.relative_error,
    )


def _in_die(device: Device, age: Condition, work: Work, tflops: float | None) -> Inference:
    load_s = np.ceil(work.layer_bytes / sense_bytes(device)) * float(np.mean(device.timing.read_us)) * 1e-6
    compute_s = work.compute_s(tflops)
    return _answer(
        work,
        load_s,
        compute_s,
        time_s=float(np.maximum(load_s, compute_s).sum()),
        bottleneck="die",
        device=device,
        tflops=tflops,
        where="die",
        mode=IN_DIE,
        rber=device_rates(device, age).mean,
        uber=None,
        relative_error=0.0,
    )


def _answer(
    work: Work,
    load_s: np.ndarray,
    compute_s: np.ndarray,
    *,
    time_s: float,
    bottleneck: str,
    device: Device,
    tflops: float | None,
    corrected: Rates | None = None,
    age: Condition | None = None,
    **same: object,
) -> Inference:
    computing = compute_s.sum() >= load_s.sum()
    decides = SENSE if same["mode"] == IN_DIE else bottleneck
    return Inference(
        weights_gb_s=float(work.layer_bytes.sum() / load_s.sum() / 1e9),
        load_s=float(load_s.sum()),
        compute_s=float(compute_s.sum()),
        time_s=time_s,
        per_s=work.batch / time_s,
        stall=None if tflops is None else max(0.0, 1 - float(compute_s.sum()) / time_s),
        limited_by="compute" if computing else bottleneck,
        assumed=not computing and bottleneck_assumed(device, decides, corrected=corrected, age=age),
        **same,
    )


def _check_fit(device: Device, work: Work, modes: Sequence[str]) -> None:
    """Compare with the least room that any of the modes leaves."""
    usable = min(PageLayout.of(device, mode).usable_bits // 8 for mode in modes)
    room, size = device.geometry.pages * usable, float(work.layer_bytes.sum())
    if size > room:
        raise InputError(
            f"--model or --weights: {size:.4g} bytes of weights: must be at most the {room:.4g} bytes of the pages of "
            f"{device.name}"
        )
