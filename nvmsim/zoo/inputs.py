"""How a network is fed: what the ``input`` of a card may say for images of one size, photographs and text."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from nvmsim.errors import InputError
from nvmsim.zoo.words import FORM, parse_words_file

_MOST_PX, _MOST_WORDS = 4096, 100_000


@dataclass(frozen=True)
class Pixels:
    """Images, seen as (value / 255 − ``mean``) / ``std``, one of each a channel."""

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    @classmethod
    def from_card(cls, section: object, channels: int) -> "Pixels":
        """Check a card's ``input``; raise InputError with every problem."""
        _check_keys(section, ("mean", "std"))
        _raise_any(_number_problems(section, channels))
        return cls(_floats(section["mean"]), _floats(section["std"]))

    @property
    def identity(self) -> list:
        """Plain data that is equal for equal inputs."""
        return [self.mean, self.std]

    def as_card(self) -> dict[str, object]:
        """Return a card's ``input``."""
        return {"mean": list(self.mean), "std": list(self.std)}

    def files(self) -> dict[str, bytes]:
        """Return the files that must lie beside the card, by name: none."""
        return {}

    def raw(self) -> "Pixels":
        """Return the same without normalisation: pixels from 0 to 1, as augmentation wants them."""
        return replace(self, mean=(0.0,), std=(1.0,))


@dataclass(frozen=True, kw_only=True)
class Photographs(Pixels):
    """Photographs of any size, each brought to ``size_px`` × ``size_px``, then seen as :class:`Pixels` are."""

    size_px: int

    @classmethod
    def from_card(cls, section: object, channels: int) -> "Photographs":
        """Check a card's ``input``; raise InputError with every problem."""
        _check_keys(section, ("mean", "std", "size_px"))
        _raise_any(_number_problems(section, channels) + _whole_problems(section, "size_px", _MOST_PX))
        return cls(_floats(section["mean"]), _floats(section["std"]), size_px=section["size_px"])

    @property
    def identity(self) -> list:
        """Plain data that is equal for equal inputs."""
        return [self.mean, self.std, self.size_px]

    def as_card(self) -> dict[str, object]:
        """Return a card's ``input``."""
        return {**super().as_card(), "size_px": self.size_px}


@dataclass(frozen=True)
class Text:
    """The last ``length`` words of a text as rows of an embedding, which the file ``words`` lists."""

    words: Path
    words_sha256: str
    length: int

    # Rows are not normalised.
    mean: ClassVar[tuple[float, ...]] = (0.0,)
    std: ClassVar[tuple[float, ...]] = (1.0,)

    @classmethod
    def from_card(cls, section: object, folder: Path) -> "Text":
        """Check a card's ``input`` and the words file in ``folder``; raise InputError with every problem."""
        _check_keys(section, ("words", "words_sha256", "length"))
        _raise_any(_words_problems(section, folder) + _whole_problems(section, "length", _MOST_WORDS))
        return cls(folder / section["words"], section["words_sha256"], section["length"])

    @property
    def identity(self) -> list:
        """Plain data that is equal for equal inputs."""
        return ["words", FORM, self.words_sha256, self.length]

    def as_card(self) -> dict[str, object]:
        """Return a card's ``input``."""
        return {"words": self.words.name, "words_sha256": self.words_sha256, "length": self.length}

    def files(self) -> dict[str, bytes]:
        """Return the files that must lie beside the card, by name: the words."""
        return {self.words.name: self.words.read_bytes()}

    def raw(self) -> "Text":
        """Return the same: rows have nothing to normalise."""
        return self

    def rows(self) -> dict[str, int]:
        """Return the row of each word; raise InputError if the file is no longer the card's."""
        content = self.words.read_bytes()
        if (found := hashlib.sha256(content).hexdigest()) != self.words_sha256:
            raise InputError(f"{self.words}: has sha256 {found}, its card says {self.words_sha256}")
        return parse_words_file(content)


def _check_keys(section: object, keys: Sequence[str]) -> None:
    if not isinstance(section, dict) or set(section) != set(keys):
        raise InputError(f"input: {section!r}: must have exactly the keys {', '.join(keys[:-1])} and {keys[-1]}")


def _raise_any(problems: Sequence[str]) -> None:
    if problems:
        raise InputError(problems)


def _number_problems(section: Mapping, channels: int) -> list[str]:
    problems = []
    for key in ("mean", "std"):
        numbers = section[key]
        if not _numbers(numbers) or len(numbers) != channels:
            problems.append(f"input.{key}: {numbers!r}: must be finite numbers, one a channel ({channels})")
        elif key == "std" and min(numbers) <= 0:
            problems.append(f"input.std: {numbers!r}: must be positive")
    return problems


def _numbers(values: object) -> bool:
    return isinstance(values, list) and bool(values) and all(
        type(value) in (int, float) and np.isfinite(value) for value in values)  # fmt: skip


def _floats(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _whole_problems(section: Mapping, key: str, most: int) -> list[str]:
    if type(section[key]) is int and 1 <= section[key] <= most:
        return []
    return [f"input.{key}: {section[key]!r}: must be a whole number from 1 to {most}"]


def _words_problems(section: Mapping, folder: Path) -> list[str]:
    name = section["words"]
    if not isinstance(name, str) or name in ("", ".", "..") or Path(name).name != name:
        return [f"input.words: {name!r}: must be the name of a file beside the card"]
    path = folder / name
    try:
        content = path.read_bytes()
        parse_words_file(content)
    except InputError as error:
        return [f"input.words: {path}: {problem}" for problem in error.problems]
    except (OSError, ValueError) as error:
        return [f"input.words: {path}: cannot be read ({error})"]
    if (found := hashlib.sha256(content).hexdigest()) != section["words_sha256"]:
        return [f"input.words_sha256: {section['words_sha256']!r}: {path} has {found}"]
    return []
