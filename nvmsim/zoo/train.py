"""Train a network as its card says, and write weights and card."""

import hashlib
import json
import platform
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn
from tqdm import tqdm

from nvmsim import plugins
from nvmsim.defaults import MODELS
from nvmsim.errors import InputError
from nvmsim.zoo.card import Card, load_card
from nvmsim.zoo.checkpoint import Checkpoint, write_whole
from nvmsim.zoo.datasets import data_sha256
from nvmsim.zoo.flat import flatten_parameters, parameter_layout
from nvmsim.zoo.model import Model
from nvmsim.zoo.network import Network
from nvmsim.zoo.pretrained import Pretrained
from nvmsim.zoo.recipe import Recipe
from nvmsim.zoo.start import Start
from nvmsim.zoo.stopping import StopRequest
from nvmsim.zoo.tensors import extremes, weights_bytes
from nvmsim.zoo.trainer import Trainer

_CHECKPOINT_S = 30.0


@dataclass(frozen=True)
class Place:
    """The folder of a training: what it writes and what it goes on from."""

    folder: Path

    card = property(lambda self: self.folder / "card.yaml")
    weights = property(lambda self: self.folder / "weights.safetensors")
    checkpoint = property(lambda self: self.folder / "checkpoint.safetensors")

    def check_free(self, beside: Mapping[str, bytes]) -> None:
        """Raise InputError if a model lies here; beside a checkpoint it is that training's own, half written.

        ``beside`` are the files that will lie beside the card, by name: equal ones may be there already.
        """
        others = [self.folder / name for name, content in beside.items() if _differs(self.folder / name, content)]
        taken = [path for path in (self.card, self.weights) if path.exists()] + others
        if taken and not self.checkpoint.exists():
            raise InputError([f"{path}: exists; choose another --out, or move it away" for path in taken])


def _differs(path: Path, content: bytes) -> bool:
    return path.exists() and not (path.is_file() and path.read_bytes() == content)


def train(
    where: str | Path,
    *,
    out: str | Path | None = None,
    epochs: int | None = None,
    threads: int | None = None,
    start: Start | Pretrained | None = None,
    progress: bool = True,
) -> Card:
    """Train the network of the card ``where`` and return the card of the result.

    Writes ``card.yaml`` and ``weights.safetensors`` into ``out`` (default ``nvmsim-models/NAME``), and a checkpoint
    there on the way: the same call goes on from it, and ends with the same weights bit for bit as an undisturbed
    training with the same torch, threads and kind of processor. The accuracy in the card is that of the last step,
    on the whole test set, which has no say before. ``epochs`` and ``threads`` replace those of the card; ``start``
    enters the recipe at a later stage with weights from a file, or begins it with pretrained ones.

    Raises InputError if the card has no recipe, the data are missing, or ``out`` holds a model already (nothing is
    ever overwritten); KeyboardInterrupt, saying how to go on, when it was stopped.
    """
    card = load_card(where, trained=False)
    recipe = _recipe(card, {"epochs": epochs, "threads": threads})
    place = Place(Path(out) if out is not None else MODELS / card.name)
    place.check_free(card.input.files())
    if recipe.pretrained and start is None:
        raise InputError(f"{card.path}: recipe.pretrained: begins with weights trained on ImageNet: --pretrained FILE "
                         "(a state dict of torchvision's), or --pretrained download")  # fmt: skip
    with _torch_settings(recipe.threads):
        trainer = _started(card, recipe, start)
        _run(trainer, place, identity=_identity(card, recipe, start), name=card.name if progress else None)
        return _finish(trainer, card, place, start)


def train_command(options: Namespace) -> str:
    """Do ``nvmsim train`` and say what came out."""
    start = _start(options)
    card = train(options.model, out=options.out, epochs=options.epochs, threads=options.threads, start=start)
    return (
        f"{card.name}: {card.accuracy:.2%} of the test set after {card.recipe['epochs']} epochs "
        f"({card.training['seconds']:.0f} s); {card.n_weights} weights\n"
        f"wrote {card.path} and {card.weights_path}; use it with --model {card.path.parent}"
    )


def _start(options: Namespace) -> Start | Pretrained | None:
    if (options.start is None) != (options.stage is None):
        raise InputError("--start FILE and --stage N belong together: weights, and the stage that they enter")
    if options.start is not None and options.pretrained is not None:
        raise InputError("--pretrained: stands in place of --start: leave one out")
    if options.pretrained is not None:
        return Pretrained.of(options.pretrained, load_card(options.model, trained=False).network)
    return None if options.start is None else Start(Path(options.start), options.stage)


def _recipe(card: Card, changes: Mapping[str, int | None]) -> Recipe:
    if not card.recipe:
        raise InputError(f"{card.path}: recipe: is missing; training needs it")
    given = {key: value for key, value in changes.items() if value is not None}
    return Recipe.from_card({**card.recipe, **given}, f"{card.path}: recipe")


def _identity(card: Card, recipe: Recipe, start: Start | Pretrained | None) -> str:
    decides = {
        "network": card.network,
        "data": card.split_sha256("train"),
        "recipe": recipe.as_card(),
        "start": start and start.as_card(),
    }
    return json.dumps(decides, sort_keys=True)


def _started(card: Card, recipe: Recipe, start: Start | Pretrained | None) -> Trainer:
    """Return the trainer where it begins; a start's file is read first, as the data may take minutes."""
    if start is None:
        return _trainer(card, recipe)
    state = start.read(recipe)
    trainer = _trainer(card, recipe)
    start.enter(trainer, state)
    return trainer


def _trainer(card: Card, recipe: Recipe) -> Trainer:
    return Trainer(plugins.lookup("network", card.network), recipe, card.train_set(raw=True), card.input)


def _run(trainer: Trainer, place: Place, *, identity: str, name: str | None) -> None:
    """Train to the end, saving every half minute and when asked to stop."""
    if saved := Checkpoint.load(place.checkpoint, identity):
        trainer.restore(saved)
    trainer.checkpoint(identity).save(place.checkpoint)
    saved_at = time.monotonic()
    bar = tqdm(total=trainer.steps, initial=trainer.step, desc=name, unit="step", disable=name is None)
    with StopRequest() as stop, bar:
        for step in trainer.run():
            bar.update()
            bar.set_postfix(epoch=f"{step / trainer.steps_per_epoch:.2f}", loss=f"{trainer.loss:.4f}", refresh=False)
            if stop.asked or step == trainer.steps or time.monotonic() - saved_at > _CHECKPOINT_S:
                trainer.checkpoint(identity).save(place.checkpoint)
                saved_at = time.monotonic()
            if stop.asked:
                raise KeyboardInterrupt(f"training stopped after step {step} of {trainer.steps}, which "
                                        f"{place.checkpoint} holds; the same command goes on from there")  # fmt: skip


def _finish(trainer: Trainer, card: Card, place: Place, start: Start | Pretrained | None) -> Card:
    """Measure the result and write it; the checkpoint goes last, so that a kill in between is repaired by a rerun."""
    module = trainer.result()
    tensors = parameter_layout(module)
    flat = flatten_parameters(module, tensors).numpy()
    content = weights_bytes(tensors, flat)
    correct, images = _count(card, module)
    values = {
        **_given(card),
        "recipe": trainer.recipe.as_card(),
        "weights": {
            "file": place.weights.name,
            "sha256": hashlib.sha256(content).hexdigest(),
            "count": flat.size,
        },
        "accuracy": {"correct": correct, "images": images},
        "training": _record(trainer, card, start=start, ranges=dict(extremes(tensors, flat))),
    }
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110)
    for name, beside in card.input.files().items():
        write_whole(place.folder / name, beside)
    write_whole(place.weights, content)
    write_whole(place.card, text.encode())
    place.checkpoint.unlink()
    return load_card(place.card)


def _count(card: Card, module: nn.Module) -> tuple[int, int]:
    samples = card.test_set()
    network = Network(Model(card.name, module, samples.images, samples.labels))
    order = np.arange(network.n_images)
    return sum(network.correct(block, order) for block in range(network.blocks)), network.n_images


def _given(card: Card) -> dict[str, object]:
    """Return what the user's card says about the network itself."""
    values = {key: getattr(card, key) for key in ("name", "network", "dataset", "classes", "source", "licence")}
    values["input"] = card.input.as_card()
    return {key: value for key, value in values.items() if value != ""}


def _record(
    trainer: Trainer, card: Card, *, start: Start | Pretrained | None, ranges: dict[str, object]
) -> dict[str, object]:
    unfolded = {"global_range_before_folding_set_by": dict(extremes(trainer.tensors, trainer.average.numpy()))}
    return {
        **({"start": start.as_card()} if start else {}),
        "steps": trainer.step,
        "seconds": round(trainer.seconds, 3),
        "torch": ", ".join(trainer.torch),
        "machine": f"{platform.system()} {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
        "data_sha256": {split: data_sha256(card.dataset, split) for split in ("train", "test")},
        **(unfolded if trainer.recipe.batch_norm else {}),
        "global_range_set_by": ranges,
    }


@contextmanager
def _torch_settings(threads: int) -> Iterator[None]:
    """Use ``threads``, and give the caller's number of threads and random state back."""
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
