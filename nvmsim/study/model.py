"""The network that a study is about, as its caller gives it."""

from pathlib import Path
from typing import Any

from nvmsim.errors import InputError
from nvmsim.zoo.card import load_card


def open_model(model: Any) -> Any:
    """Return the `Card` of a name or path, or the `Card` or `Model` given; raises InputError on anything else."""
    if isinstance(model, str | Path):
        return load_card(model)
    if not hasattr(model, "weights_sha256"):
        raise InputError(
            f"model: {type(model).__name__}: must be a name, a path, a Card or a Model; wrap a torch module with its "
            "test images: nvmsim.Model.from_loader(name, module, loader)"
        )
    return model
