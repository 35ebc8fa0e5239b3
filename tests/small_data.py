"""Small data sets of each kind, with files written for a test, and cards of networks for them."""

import hashlib
from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from torch import Tensor, nn

from nvmsim.zoo import tensors
from nvmsim.zoo.archive import Archive
from nvmsim.zoo.files import Source
from nvmsim.zoo.reviews import Reviews, Tree
from nvmsim.zoo.tree import tree_sha256
from nvmsim.zoo.words import rank_words, words_file

REVIEWS = {
    "train": {"neg/0_2.txt": "A bad, bad film.", "neg/10_1.txt": "Bad!<br />Dull.", "neg/9_4.txt": "Not a good film",
              "pos/0_9.txt": "A good film; good, good.", "pos/1_10.txt": "It's a GOOD one"},
    "test": {"neg/0_1.txt": "dull film", "pos/0_10.txt": "one good good film", "pos/1_8.txt": ""},
}  # fmt: skip


def review_members() -> list[tuple[str, bytes]]:
    """Return the published archive's members: all reviews, and what else the real one has."""
    reviews = [(f"aclImdb/{split}/{name}", text.encode()) for split in REVIEWS for name, text in REVIEWS[split].items()]
    return [("aclImdb/README", b"read me"), ("aclImdb/train/unsup/0_0.txt", b"unlabelled"), *reviews]


def write_reviews(folder: Path) -> None:
    """Write the reviews into ``folder``/aclImdb, beside files that are none."""
    for name, content in review_members():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "aclImdb/train/neg/notes.txt").write_text("no review")


def small_imdb(archive: bytes = b"", *urls: str) -> Reviews:
    """Return a data set of these few reviews, published in ``archive`` at ``urls``."""
    trees = {split: Tree(len(texts), sum(map(len, texts.values())),
                         tree_sha256((name, text.encode()) for name, text in sorted(texts.items())))
             for split, texts in REVIEWS.items()}  # fmt: skip
    about = Archive("reviews.tar.gz", len(archive), hashlib.md5(archive).hexdigest())
    return Reviews(name="imdb", terms="a test's", source=Source("aclImdb", (), urls, about), splits=trees)


def write_photos(folder: Path, count: int, *, flat: bool = False, seed: int = 0) -> None:
    """Write ``count`` photographs of each class and split, or of each class in Kaggle's flat layout."""
    rng = np.random.default_rng(seed)
    for split in ("train",) if flat else ("train", "test"):
        for label in ("cat", "dog"):
            for k in range(count):
                width, height = (int(side) for side in rng.integers(5, 40, 2))
                path = folder / "cats-dogs" / split / (f"{label}.{k}.jpg" if flat else f"{label}/{k}.png")
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(path)


class Averaged(nn.Module):
    """Logits from the mean of a review's embeddings, or of a photograph's channels."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(rows, 3)
        self.out = nn.Linear(3, 2)

    def forward(self, given: Tensor) -> Tensor:
        return self.out(given.mean((2, 3)) if given.is_floating_point() else self.embedding(given).mean(1))


def write_card(folder: Path, module: nn.Module, *, dataset: str, network: str, seen: dict) -> Path:
    """Write a card with the weights of ``module``, whose accuracy nobody has measured."""
    folder.mkdir(exist_ok=True)
    stored = tensors.lay_out((name, tuple(value.shape)) for name, value in module.named_parameters())
    flat = np.concatenate([value.detach().numpy().ravel() for value in module.parameters()])
    content = tensors.weights_bytes(stored, flat)
    (folder / "w.safetensors").write_bytes(content)
    weights = {"file": "w.safetensors", "sha256": hashlib.sha256(content).hexdigest(), "count": flat.size}
    (folder / "card.yaml").write_text(yaml.safe_dump({
        "name": "small", "network": network, "dataset": dataset, "classes": 2, "input": seen, "weights": weights,
        "accuracy": {"correct": 0, "images": 1}}))  # fmt: skip
    return folder / "card.yaml"


def write_words(folder: Path, rows: int) -> dict:
    """Write the words file of the training reviews into ``folder``, and return a card's ``input``."""
    folder.mkdir(exist_ok=True)
    content = words_file(rank_words(REVIEWS["train"].values(), rows))
    (folder / "words.txt").write_bytes(content)
    return {"words": "words.txt", "words_sha256": hashlib.sha256(content).hexdigest(), "length": 6}
