"""A stretch of training with images of one size and a learning rate that goes straight from one value to another."""

from dataclasses import dataclass, fields

_BOUNDS = {"epochs": (1, 10_000), "size_px": (4, 4096), "lr": (0.0, 10.0), "lr_end": (0.0, 10.0)}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """``epochs`` on images of ``size_px`` x ``size_px`` pixels, at learning rates from ``lr`` to ``lr_end``.

    Small images first make training several times as fast (progressive resizing, Howard 2018).
    """

    epochs: int
    size_px: int
    lr: float
    lr_end: float

    def learning_rate(self, done: float) -> float:
        """Return the learning rate when the fraction ``done`` of the stage is over.

        >>> Stage(epochs=2, size_px=32, lr=0.5, lr_end=0.25).learning_rate(0.5)
        0.375
        """
        return self.lr + (self.lr_end - self.lr) * done


def stages_problems(values: object, epochs: object, *, where: str) -> list[str]:
    """Say what is wrong with a card's list of stages, whose epochs must add up to ``epochs``.

    >>> stages_problems([{"epochs": 2, "size_px": 16, "lr": 0.1}], 2, where="stages")
    ['stages[0]: must have exactly the keys epochs, size_px, lr, lr_end']
    """
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        return [f"{where}: {values!r}: must be a list of stages, each with keys and values"]
    problems = [problem for k, value in enumerate(values) for problem in _problems(value, f"{where}[{k}]")]
    if values and not problems and sum(value["epochs"] for value in values) != epochs:
        problems.append(f"{where}: their epochs must add up to epochs, which is {epochs!r}")
    return problems


def _problems(value: dict, where: str) -> list[str]:
    known = {field.name: field.type for field in fields(Stage)}
    if set(value) != set(known):
        return [f"{where}: must have exactly the keys {', '.join(known)}"]
    return [
        f"{where}.{key}: {value[key]!r}: must be a {'whole ' if kind is int else ''}number from {low:g} to {high:g}"
        for key, kind in known.items()
        for low, high in [_BOUNDS[key]]
        if not (type(value[key]) in (kind, int) and low <= value[key] <= high)
    ]
