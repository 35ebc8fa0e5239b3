"""Model cards and stored tensors: everything that can be wrong is said at once, and nothing damaged is used."""

import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save

from nvmsim import plugins
from nvmsim.errors import InputError
from nvmsim.resources import bundled
from nvmsim.zoo import tensors
from nvmsim.zoo.card import Card, card_names, load_card

BUNDLED = bundled("models") / "mnist-cnn"


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(BUNDLED, tmp_path / "copy")


def edit(folder, **changes) -> None:
    path = folder / "card.yaml"
    values = yaml.safe_load(path.read_text()) | changes
    path.write_text(yaml.safe_dump({key: value for key, value in values.items() if value is not None}))


def problems(folder, **options) -> tuple[str, ...]:
    with pytest.raises(InputError) as error:
        load_card(folder, **options)
    return error.value.problems


def test_bundled_card_reaches_the_target():
    card = load_card("mnist-cnn")
    assert card.n_weights == 329_962 == card.weights.size
    assert card.accuracy >= 0.995
    assert "mnist-cnn" in card_names() and "data" not in card_names()


def test_bundled_card_says_which_tensors_set_the_range():
    card = load_card("mnist-cnn")
    said = card.training["global_range_set_by"]
    parts = load_file(card.weights_path)
    assert said["lowest"]["value"] == min(part.min() for part in parts.values()) == card.weights.min()
    assert said["highest"]["value"] == max(part.max() for part in parts.values()) == card.weights.max()
    assert parts[said["lowest"]["tensor"]].min() == card.weights.min()
    assert parts[said["highest"]["tensor"]].max() == card.weights.max()


@pytest.mark.parametrize("where", ["mnist-cnn", BUNDLED, BUNDLED / "card.yaml", str(BUNDLED)])
def test_found_by_name_folder_or_file(where):
    assert load_card(where).path == BUNDLED / "card.yaml"


def test_unknown_model_names_the_bundled():
    with pytest.raises(InputError, match=r"'mnist-cn'.*bundled are .*mnist-cnn"):
        load_card("mnist-cn")


def test_a_bundled_recipe_is_taken_where_train_puts_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"comes without trained weights.*nvmsim train catsdogs-vgg16 makes them"):
        load_card("catsdogs-vgg16")
    trained = shutil.copytree(BUNDLED, tmp_path / "nvmsim-models" / "catsdogs-vgg16")
    assert load_card("catsdogs-vgg16").path == trained.relative_to(tmp_path) / "card.yaml"
    assert load_card("catsdogs-vgg16", trained=False).path.is_relative_to(BUNDLED.parent)


def test_stored_order_is_the_state_dict_order():
    card = load_card("mnist-cnn")
    module = plugins.lookup("network", "mnist-cnn")()
    stored = card.tensors
    assert [(t.name, t.shape) for t in stored] == [(n, tuple(v.shape)) for n, v in module.state_dict().items()]
    assert [t.start for t in stored] == np.cumsum([0, *(t.size for t in stored)])[:-1].tolist()
    assert [t.module for t in stored[:4]] == ["conv1", "conv1", "conv2", "conv2"]
    parts = load_file(card.weights_path)
    assert np.array_equal(card.weights, np.concatenate([parts[t.name].ravel() for t in stored]))


def test_the_weights_of_a_card_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        load_card("mnist-cnn").weights[0] = 1


def test_all_problems_at_once(folder):
    edit(folder, speed=1, name=7, dataset="mnits", classes=1, accuracy={"correct": 3, "images": 2}, input=None,
         recipe={"epochs": 0, "batch": 1.5})  # fmt: skip
    found = problems(folder)
    for part in ("speed: unknown key", "name: 7", "dataset: 'mnits'", "classes: 1", "accuracy:", "input: is missing",
                 "recipe.epochs: 0", "recipe.batch: 1.5"):  # fmt: skip
        assert sum(part in problem for problem in found) == 1, (part, found)
    assert len(found) == 8 and all("card.yaml: " in problem for problem in found)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network": "mnist"}, "network: 'mnist': unknown; known are .*mnist-cnn"),
        ({"classes": 11}, "classes: 11: must be 10"),
        ({"input": {"mean": [0.1, 0.2], "std": [1]}}, r"input.mean: \[0.1, 0.2\]: must be finite numbers"),
        ({"input": {"mean": [0.1], "std": [0]}}, r"input.std: \[0\]: must be positive"),
        ({"input": {"mean": [float("nan")], "std": [1]}}, "input.mean"),
        ({"input": [1]}, "input: .*must have exactly the keys mean and std"),
        ({"weights": "weights.safetensors"}, "weights: .*must have exactly the keys"),
        ({"weights": None}, "weights: is missing"),
        ({"recipe": 3}, "recipe: 3: must be keys with values"),
        ({"dataset": ["mnist"]}, "dataset: .*must be text"),
    ],
)
def test_wrong_value(folder, changes, said):
    edit(folder, **changes)
    with pytest.raises(InputError, match=said):
        load_card(folder)


@pytest.mark.parametrize("text", ["", "- 1", "name: [", "\tname: x", "name: !!python/object:os.system x"])
def test_not_a_card(folder, text):
    (folder / "card.yaml").write_text(text)
    assert len(problems(folder)) == 1


_KEYS = ["name", "network", "dataset", "classes", "input", "weights", "accuracy", "recipe", "training", "source", "x"]
_INNER = ["mean", "std", "file", "sha256", "count", "epochs", "lr", "correct", "images"]
_SCALARS = st.none() | st.booleans() | st.integers(-2, 11) | st.floats() | st.sampled_from(["", "mnist", "mnist-cnn"])
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=2) | st.dictionaries(st.sampled_from(_INNER), _SCALARS, max_size=3)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(_KEYS), _VALUES))
def test_any_yaml_gives_a_card_or_an_input_error(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("card") / "card.yaml"
    path.write_text(yaml.safe_dump(values))
    for trained in (True, False):
        try:
            assert isinstance(load_card(path, trained=trained), Card)
        except InputError as error:
            assert error.problems


def test_missing_weights(folder):
    (folder / "weights.safetensors").unlink()
    assert "there is no such file" in problems(folder)[0]
    assert load_card(folder, trained=False).weights_path is None


@pytest.mark.parametrize("size", [0, 7, 100, 1_000_000, -1])
def test_cut_off_weights(folder, size):
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    (found,) = problems(folder)
    assert "not a readable safetensors file" in found


def test_one_flipped_bit_in_the_weights(folder):
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    (found,) = problems(folder)
    assert "weights.sha256" in found and "damaged or not these weights" in found


def test_wrong_count_of_weights(folder):
    card = yaml.safe_load((folder / "card.yaml").read_text())
    edit(folder, weights=card["weights"] | {"count": 5})
    assert problems(folder) == (f"{folder}/card.yaml: weights.count: 5: {folder}/weights.safetensors holds 329962",)


def test_weights_that_are_not_finite_name_their_tensor(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(save({"a.weight": np.array([1, np.inf], np.float32), "b.weight": np.ones(2, np.float32)}))
    with pytest.raises(InputError, match=r"a\.weight.*not finite"):
        tensors.read_weights(path, tensors.read_layout(path))


def test_integer_tensors_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(save({"a": np.ones(2, np.int32)}))
    with pytest.raises(InputError, match="a: I32: only F64, F32, F16"):
        tensors.read_layout(path)


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(1, 3), max_size=3), min_size=1, max_size=6), st.randoms())
def test_stored_order_survives_the_file(tmp_path_factory, shapes, random):
    names = [f"m{k}.weight" for k in range(len(shapes))]
    random.shuffle(names)
    wanted = tensors.lay_out(zip(names, shapes, strict=True))
    flat = np.arange(sum(t.size for t in wanted), dtype=np.float32)
    path = tmp_path_factory.mktemp("w") / "w.safetensors"
    path.write_bytes(tensors.weights_bytes(wanted, flat))
    assert tensors.read_layout(path) == wanted
    assert np.array_equal(tensors.read_weights(path, wanted), flat)


def test_published_state_dict_without_our_order_is_readable(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(save({"b": np.ones(2, np.float32), "a": np.ones((2, 2), np.float16)}))
    assert sorted(t.name for t in tensors.read_layout(path)) == ["a", "b"]


def test_card_travels_without_its_weights():
    card = load_card("mnist-cnn")
    assert card.weights.size
    sent = pickle.dumps(card)
    assert len(sent) < 10_000
    assert pickle.loads(sent) == card and np.array_equal(pickle.loads(sent).weights, card.weights)


def test_cards_and_data_need_no_torch():
    code = ("import sys; from nvmsim.zoo import card, datasets; c = card.load_card('mnist-cnn');"
            "c.weights; datasets.test_set('mnist'); sys.exit('torch' in sys.modules)")  # fmt: skip
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
