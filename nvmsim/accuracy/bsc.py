"""The paper's medium: a binary symmetric channel, on which every stored bit flips alone with one probability."""

from typing import TYPE_CHECKING

from nvmsim.accuracy.task import Task
from nvmsim.device.layout import PageLayout
from nvmsim.inject.sampler import rung_for

if TYPE_CHECKING:
    from nvmsim.zoo.card import Card
    from nvmsim.zoo.model import Model

# One die without spare area. Where a bit lies decides nothing here; the page is the unit that events are drawn for.
LAYOUT = PageLayout(
    mode="bypass",
    user_bytes=16_384,
    spare_bytes=0,
    metadata_bytes=0,
    channels=1,
    dies_per_channel=1,
    planes_per_die=1,
    page_types=1,
    scrambler=False,
)


def bsc_task(
    model: "Card | Model",
    encoding: str,
    *,
    rber: float,
    range_scope: str = "global",
    rung_rber: float | None = None,
    layers: tuple[str, ...] = (),
    bits: tuple[int, ...] = (),
    seed: int = 0,
) -> Task:
    """Return the task of a network behind the paper's channel (Section III), read without correction.

    ``rber`` is the flip probability, 0 to 0.5. Tasks that name one ``rung_rber`` (at least their ``rber``) share one
    set of events, of which a higher rate keeps more. ``layers`` and ``bits`` are those of :class:`Task`.

    >>> from nvmsim.zoo.card import load_card
    >>> task = bsc_task(load_card("mnist-cnn"), "binary:16", rber=0.012)
    >>> task.rates, task.rung_rber
    (((0.012, 0.012),), 0.015)
    """
    return Task(
        model=model.name,
        weights_sha256=model.weights_sha256,
        data_sha256=model.data_sha256,
        encoding=encoding,
        range_scope=range_scope,
        rates=((rber, rber),),
        rung_rber=rung_for(rber) if rung_rber is None else rung_rber,
        layout=LAYOUT,
        seed=seed,
        order_seed=seed,
        network=getattr(model, "network", ""),
        layers=layers,
        bits=bits,
    )
