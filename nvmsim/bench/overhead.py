"""One trial's overhead beyond the network's own forward pass: flip, correct, check, decode and undo."""

from statistics import median
from time import perf_counter

from nvmsim.accuracy.task import Task
from nvmsim.accuracy.trial import CompiledTask, Slot, disturbed, draw_noise
from nvmsim.bench.row import BenchRow
from nvmsim.device.layout import PageLayout
from nvmsim.device.profile import Device, load_device
from nvmsim.device.rber import device_rates
from nvmsim.inject.backend import get_backend
from nvmsim.inject.sampler import rung_for
from nvmsim.zoo.card import Card, load_card
from nvmsim.zoo.network import Network

SCHEMES = (
    ("binary:16", "ecc"),
    ("binary:16", "bypass"),
    ("binary:16+parity-nulling", "bypass"),
    ("hamming:16+parity-nulling", "reclaim"),
    ("fp16+range-check", "bypass"),
)
GOAL = 0.05
HIGH_RBER = 1e-2


def overhead_rows(*, quick: bool = False) -> list[BenchRow]:
    """Measure the MNIST network's trials on one block of 500 images, at worn TLC's rates (goal 5 %) and at 1e-2.

    Forward pass and overhead take turns, so that a busy moment hits both; a figure is the median of its rounds.
    """
    card, device = load_card("mnist-cnn"), load_device("tlc")
    worn = device_rates(device, device.condition("worn")).by_page_type
    slot, rounds = Slot(Network(card)), 10 if quick else 40
    cases = [(spec, mode, worn, "worn TLC") for spec, mode in SCHEMES]
    cases += [(spec, mode, ((HIGH_RBER, HIGH_RBER),) * len(worn), f"{HIGH_RBER:g}") for spec, mode in SCHEMES[1:3]]
    return [
        _row(_compiled(card, device, slot, spec=spec, mode=mode, rates=rates), rates_name=name, rounds=rounds)
        for spec, mode, rates, name in cases
    ]


def _compiled(card: Card, device: Device, slot: Slot, *, spec: str, mode: str, rates: tuple) -> CompiledTask:
    task = Task(
        model=card.name,
        weights_sha256=card.weights_sha256,
        data_sha256=card.data_sha256,
        encoding=spec,
        range_scope="global",
        rates=rates,
        rung_rber=rung_for(max(map(max, rates))),
        layout=PageLayout.of(device, mode),
        ecc=device.ecc if mode == "ecc" else None,
    )
    return CompiledTask(task, card.weights, slot=slot, backend=get_backend("cpu"))


def _row(task: CompiledTask, *, rates_name: str, rounds: int) -> BenchRow:
    task.load()
    flips, forward, overhead = [], [], []
    for trial in range(rounds + 2):  # two to warm up
        start = perf_counter()
        with disturbed(task, draw_noise(task, trial)) as (counts, _):
            middle = perf_counter()
            task.slot.network.correct(0, task.order)
            end = perf_counter()
        flips.append(counts.raw_flips)
        forward.append(end - middle)
        overhead.append(middle - start + perf_counter() - end)
    pass_s, extra_s = median(forward[2:]), median(overhead[2:])
    figures = {
        "flips": median(flips),
        "forward_ms": 1e3 * pass_s,
        "overhead_ms": 1e3 * extra_s,
        "overhead_percent": 100 * extra_s / pass_s,
    }
    with_goal = rates_name != f"{HIGH_RBER:g}"
    goal, met = (f"< {GOAL:.0%} of forward", extra_s < GOAL * pass_s) if with_goal else ("", None)
    case = f"{task.task.encoding}, {task.task.layout.mode}, RBER {rates_name}"
    return BenchRow("overhead", case, figures, goal, met)
