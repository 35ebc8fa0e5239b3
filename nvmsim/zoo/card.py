"""Model cards: what a stored network is, where its weights lie, and how they came about."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml

from nvmsim import plugins
from nvmsim.defaults import MODELS
from nvmsim.errors import InputError
from nvmsim.resources import bundled
from nvmsim.zoo import datasets
from nvmsim.zoo.recipe import Recipe
from nvmsim.zoo.samples import Samples
from nvmsim.zoo.tensors import StoredTensor, file_sha256, read_layout, read_weights

_ALWAYS = ("name", "network", "dataset", "classes", "input")
_TRAINED = ("weights", "accuracy")
# Folders are called so.
_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*", re.ASCII)
_FREE = ("source", "licence", "recipe", "training")


@dataclass(frozen=True)
class Card:
    """A network with its weights, checked; ``accuracy`` is that of the undistorted float32 weights (0 to 1).

    ``network`` is the name of a plug-in, ``dataset`` of a data set, and ``input`` what the network sees of it.
    A card that only says how to train has no ``weights_path``.
    """

    path: Path
    name: str
    network: str
    dataset: str
    classes: int
    input: datasets.Input
    weights_path: Path | None = None
    weights_sha256: str = ""
    n_weights: int = 0
    accuracy: float = float("nan")
    recipe: Mapping[str, object] = field(default_factory=dict, hash=False)
    training: Mapping[str, object] = field(default_factory=dict, hash=False)
    source: str = ""
    licence: str = ""

    @cached_property
    def tensors(self) -> tuple[StoredTensor, ...]:
        """The stored tensors, in the order of the state dict."""
        return read_layout(self.weights_path)

    @cached_property
    def weights(self) -> np.ndarray:
        """The stored weights, float32 [n_weights], read-only."""
        values = read_weights(self.weights_path, self.tensors)
        values.flags.writeable = False
        return values

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean that is taken from each channel of an image; 0 for text."""
        return self.input.mean

    @property
    def std(self) -> tuple[float, ...]:
        """Standard deviation that each channel is divided by; 1 for text."""
        return self.input.std

    def test_set(self) -> Samples:
        """Return the test set as the network sees it; raise InputError if it is not to be had."""
        return self._samples("test")

    def train_set(self, *, raw: bool = False) -> Samples:
        """Return the training set, with ``raw`` without normalisation (pixels 0 to 1); raise InputError."""
        return self._samples("train", raw=raw)

    def _samples(self, split: str, *, raw: bool = False) -> Samples:
        return datasets.dataset(self.dataset).load(split, self.input.raw() if raw else self.input)

    @cached_property
    def data_sha256(self) -> str:
        """One checksum for the test set as the network sees it: files and what becomes of them."""
        return self.split_sha256("test")

    def split_sha256(self, split: str) -> str:
        """Return one checksum for the split "train" or "test" as the network sees it."""
        seen = [datasets.data_sha256(self.dataset, split), *self.input.identity]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()

    def __getstate__(self) -> dict:
        # Workers read the weights from the file themselves.
        return {key: value for key, value in self.__dict__.items() if key not in ("weights", "tensors")}


def card_names(*, trained: bool = True) -> list[str]:
    """Return the names of the bundled models; with ``trained`` of those whose weights are bundled too.

    >>> "mnist-cnn" in card_names()
    True
    """
    paths = sorted(bundled("models").glob("*/card.yaml"))
    return [path.parent.name for path in paths if not trained or "weights" in _read(path)]


def load_card(where: str | Path, *, trained: bool = True) -> Card:
    """Read and check a card: a card.yaml, a folder with one, or the name of a bundled model.

    With ``trained`` the weights must be there and be the ones that the card describes; without, they are not
    looked at. A bundled model without weights is taken from ``nvmsim-models/NAME``, where ``nvmsim train NAME`` puts
    it. Raises InputError listing everything that is wrong.

    >>> load_card("mnist-cnn").n_weights
    329962
    """
    path = _find(where)
    values = _read(path)
    if trained and _is_recipe(path, values):
        path = _trained_here(str(where))
        values = _read(path)
    problems = _key_problems(values, trained) + _value_problems(values) + _input_problems(values, path.parent)
    if trained:
        problems += _weights_problems(values, path.parent)
    if problems:
        raise InputError([f"{path}: {problem}" for problem in problems])
    return _card(path, values, trained)


def _find(where: str | Path) -> Path:
    given = Path(where)
    for path in (given / "card.yaml", given, bundled("models") / str(where) / "card.yaml"):
        if path.is_file():
            return path
    raise InputError(f"model {str(where)!r}: no card.yaml there, and no bundled model of this name; "
                     f"bundled are {', '.join(card_names())}")  # fmt: skip


def _is_recipe(path: Path, values: Mapping) -> bool:
    return path.is_relative_to(bundled("models")) and "weights" not in values


def _trained_here(name: str) -> Path:
    path = MODELS / name / "card.yaml"
    if path.is_file():
        return path
    raise InputError(
        f"model {name!r}: comes without trained weights, and {MODELS / name} has none; nvmsim train {name} makes them"
    )


def _read(path: Path) -> dict:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read ({' '.join(str(error).split())})") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: must be keys with values, such as name: mnist-cnn")
    return values


def _key_problems(values: Mapping, trained: bool) -> list[str]:
    known = (*_ALWAYS, *_TRAINED, *_FREE)
    problems = [f"{key}: unknown key; known are {', '.join(known)}" for key in values if key not in known]
    needed = (*_ALWAYS, *_TRAINED) if trained else _ALWAYS
    return problems + [f"{key}: is missing" for key in needed if key not in values]


def _value_problems(values: Mapping) -> list[str]:
    problems = [f"{key}: {values[key]!r}: must be text" for key in ("name", "network", "dataset", "source", "licence")
                if key in values and not isinstance(values[key], str)]  # fmt: skip
    if isinstance(values.get("name"), str) and not _NAME.fullmatch(values["name"]):
        problems.append(
            f"name: {values['name']!r}: must be letters, digits, '.', '_', '+' and '-', from a letter or digit"
        )
    if isinstance(values.get("network"), str) and values["network"] not in plugins.names("network"):
        problems.append(f"network: {values['network']!r}: unknown; known are {', '.join(plugins.names('network'))}")
    if isinstance(values.get("dataset"), str) and values["dataset"] not in datasets.DATASETS:
        problems.append(f"dataset: {values['dataset']!r}: unknown; known are {', '.join(datasets.DATASETS)}")
    classes = values.get("classes", 2)
    known = _dataset(values)
    if type(classes) is not int or classes < 2 or (known and "classes" in values and classes != known.classes):
        problems.append(f"classes: {classes!r}: must be {known.classes if known else 'a whole number from 2'}")
    return problems + _section_problems(values)


def _dataset(values: Mapping) -> datasets.Dataset | None:
    name = values.get("dataset")
    return datasets.DATASETS.get(name) if isinstance(name, str) else None


def _input_problems(values: Mapping, folder: Path) -> list[str]:
    known = _dataset(values)
    if known and "input" in values:
        try:
            known.card_input(values["input"], folder)
        except InputError as error:
            return list(error.problems)
    return []


def _section_problems(values: Mapping) -> list[str]:
    problems = [f"{key}: {values[key]!r}: must be keys with values" for key in ("recipe", "training")
                if key in values and not isinstance(values[key], dict)]  # fmt: skip
    if isinstance(values.get("recipe"), dict):
        try:
            Recipe.from_card(values["recipe"])
        except InputError as error:
            problems += error.problems
    accuracy = values.get("accuracy", {"correct": 0, "images": 1})
    if not _whole_numbers(accuracy, ("correct", "images")) or not accuracy["correct"] <= accuracy["images"] > 0:
        problems.append(f"accuracy: {accuracy!r}: must have the whole numbers correct and images, correct <= images, "
                        "images from 1")  # fmt: skip
    return problems


def _whole_numbers(section: object, keys: Sequence[str]) -> bool:
    return isinstance(section, dict) and set(section) == set(keys) and all(
        type(value) is int and value >= 0 for value in section.values())  # fmt: skip


def _weights_problems(values: Mapping, folder: Path) -> list[str]:
    section = values.get("weights", {})
    if "weights" in values and (not isinstance(section, dict) or set(section) != {"file", "sha256", "count"}):
        return [f"weights: {section!r}: must have exactly the keys file, sha256 and count"]
    if not section:
        return []
    path = folder / str(section["file"])
    if not path.is_file():
        return [f"weights.file: {path}: there is no such file"]
    found = file_sha256(path)
    try:
        count = sum(tensor.size for tensor in read_layout(path))
    except InputError as error:
        return [f"weights.file: {problem}" for problem in error.problems]
    problems = []
    if found != section["sha256"]:
        problems.append(f"weights.sha256: {section['sha256']!r}: {path} has {found}: damaged or not these weights")
    if count != section["count"]:
        problems.append(f"weights.count: {section['count']!r}: {path} holds {count}")
    return problems


def _card(path: Path, values: Mapping, trained: bool) -> Card:
    stored = {}
    if trained:
        weights, accuracy = values["weights"], values["accuracy"]
        stored = {
            "weights_path": path.parent / weights["file"],
            "weights_sha256": weights["sha256"],
            "n_weights": weights["count"],
            "accuracy": accuracy["correct"] / accuracy["images"],
        }
    plain = {key: values[key] for key in ("name", "network", "dataset", "classes")}
    seen = _dataset(values).card_input(values["input"], path.parent)
    free = {key: values[key] for key in _FREE if key in values}
    return Card(path, **plain, input=seen, **stored, **free)
