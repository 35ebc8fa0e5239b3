"""Running networks: one flat buffer, blocks of a permuted test set, NaN counts as wrong."""

import multiprocessing
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nvmsim.errors import InputError
from nvmsim.zoo.card import load_card
from nvmsim.zoo.datasets import test_set as load_test_set
from nvmsim.zoo.inputs import Pixels
from nvmsim.zoo.model import Model
from nvmsim.zoo.network import Network
from nvmsim.zoo.tensors import file_sha256, lay_out, weights_bytes

IDENTITY = np.arange(10_000)


def images(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 1, 6, 6)).astype(np.float32), rng.integers(0, 4, n)


def small(seed: int = 1) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4))


@pytest.fixture(scope="module")
def mnist() -> Network:
    return Network(load_card("mnist-cnn"))


def test_card_accuracy_is_what_the_network_reaches(mnist):
    counted = sum(mnist.correct(block, IDENTITY) for block in range(mnist.blocks))
    assert counted == round(load_card("mnist-cnn").accuracy * 10_000)


def test_the_fast_layout_computes_the_same(mnist):
    """Two blocks against the default layout, another batch size and plain numpy counting."""
    card = load_card("mnist-cnn")
    pixels, labels = load_test_set("mnist", mean=card.mean, std=card.std)
    order = np.random.default_rng(2).permutation(10_000)
    with torch.inference_mode():
        outputs = [mnist._module(torch.from_numpy(pixels[order[k : k + 200]])).numpy() for k in range(0, 1000, 200)]
    right = np.concatenate(outputs).argmax(1) == labels[order[:1000]]
    assert [mnist.correct(0, order), mnist.correct(1, order)] == [right[:500].sum(), right[500:].sum()]


def test_sizes(mnist):
    assert (mnist.n_images, mnist.classes, mnist.blocks) == (10_000, 10, 20)
    assert mnist.n_weights == 329_962 and mnist.tensors == load_card("mnist-cnn").tensors
    assert np.array_equal(mnist.flat.numpy(), load_card("mnist-cnn").weights)


def test_every_parameter_is_a_view_of_the_flat_buffer():
    network = Network(Model("small", small(), *images(8)))
    for tensor in network.tensors:
        parameter = network._module.get_parameter(tensor.name)
        assert parameter.data_ptr() == network.flat.data_ptr() + 4 * tensor.start
        network.flat[tensor.start] = 123.0
        assert parameter.reshape(-1)[0] == 123.0


def test_blocks_follow_the_order_and_the_last_is_shorter():
    x, y = images(1_203)
    network = Network(Model("small", small(), x, y))
    order = np.random.default_rng(5).permutation(1_203)
    with torch.inference_mode():
        right = (small().eval()(torch.from_numpy(x)).argmax(1).numpy() == y)[order]
    assert [network.block_images(block) for block in range(network.blocks)] == [500, 500, 203]
    wanted = [right[:500].sum(), right[500:1000].sum(), right[1000:].sum()]
    assert [network.correct(block, order) for block in range(3)] == wanted


def test_order_changed_in_place_is_noticed():
    x, y = images(1_000)
    network = Network(Model("small", small(), x, y))
    order = np.arange(1_000)
    first, second = (network.correct(block, order) for block in (0, 1))
    order[:] = np.roll(order, 500)
    assert (network.correct(0, order), network.correct(1, order)) == (second, first) and first != second


@pytest.mark.parametrize("order", [np.zeros(8, int), np.arange(7), np.arange(8) + 1])
def test_order_must_be_a_permutation(order):
    with pytest.raises(ValueError, match="permutation of 8"):
        Network(Model("small", small(), *images(8))).correct(0, order)


class Fixed(nn.Module):
    """Gives what it gets; so a test can choose the outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs * self.weight


def test_nan_counts_as_wrong_and_infinity_does_not():
    nan, inf = float("nan"), float("inf")
    outputs = [[1, 2, 0], [nan, 2, 0], [0, 2, nan], [nan, nan, nan], [0, inf, 0], [-inf, 0, -inf], [inf, 0, 0]]
    network = Network(Model("fixed", Fixed(), outputs, [1] * 7))
    assert network.correct(0, np.arange(7)) == 3
    assert network.classes == 3
    network.flat[0] = nan
    assert network.correct(0, np.arange(7)) == 0


def test_clean_weights_restored_give_the_clean_count(mnist):
    clean = mnist.correct(0, IDENTITY)
    saved = mnist.flat.clone()
    mnist.flat.copy_(torch.from_numpy(np.random.default_rng(3).standard_normal(mnist.n_weights).astype(np.float32)))
    assert mnist.correct(0, IDENTITY) < 150  # chance is 50 of 500
    mnist.flat.copy_(saved)
    assert mnist.correct(0, IDENTITY) == clean >= 490


def test_one_thread_while_counting_and_the_users_setting_after():
    seen = []

    class Asks(Fixed):
        def forward(self, outputs: torch.Tensor) -> torch.Tensor:
            seen.append(torch.get_num_threads())
            return super().forward(outputs)

    network = Network(Model("asks", Asks(), np.eye(3), [0, 1, 2]))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert network.correct(0, np.arange(3)) == 3
        assert set(seen) == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_weights_of_another_shape_are_all_named(tmp_path):
    folder = shutil.copytree(load_card("mnist-cnn").path.parent, tmp_path / "copy")
    card = load_card(folder)
    changed = [(t.name.replace("fc6.bias", "fc7.bias"), t.shape[::-1] if t.name == "fc5.weight" else t.shape)
               for t in card.tensors]  # fmt: skip
    card.weights_path.write_bytes(weights_bytes(lay_out(changed), card.weights))
    values = yaml.safe_load(card.path.read_text())
    values["weights"]["sha256"] = file_sha256(card.weights_path)
    card.path.write_text(yaml.safe_dump(values))
    with pytest.raises(InputError) as error:
        Network(load_card(folder))
    said = [problem.partition("safetensors: ")[2] for problem in error.value.problems]
    assert said == ["fc5.weight: shape (1024, 256): the network has (256, 1024)",
                    "fc6.bias: is missing; the network has it with shape (10,)",
                    "fc7.bias: the network has no such tensor"]  # fmt: skip


def test_tied_weights_are_stored_once():
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    module[2].weight = module[0].weight
    network = Network(Model("tied", module, np.eye(4), [0, 1, 2, 3]))
    assert [t.name for t in network.tensors] == ["0.weight", "0.bias", "2.bias"] and network.n_weights == 24
    network.flat[0] = 7.0
    assert network._module[2].weight[0, 0] == 7.0


def test_the_users_module_is_never_changed():
    module = small().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    model = Model("small", module, *images(8))
    network = Network(model)
    network.flat.zero_()
    assert module.training and all(torch.equal(before[n], v) for n, v in module.state_dict().items())
    assert np.array_equal(model.weights, Network(model).flat.numpy())
    with torch.no_grad():
        module[0].weight.zero_()
    assert model.weights[:27].any()


def test_double_precision_modules_and_buffers_are_stored_as_float32():
    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(48, 4)).double()
    network = Network(Model("double", module, *images(20)))
    assert network.n_weights == sum(p.numel() for p in module.parameters())
    assert 0 <= network.correct(0, np.arange(20)) <= 20


def test_loader_equals_arrays():
    x, y = images(64)
    loader = DataLoader(TensorDataset(torch.from_numpy(x), torch.from_numpy(y)), batch_size=10)
    model, other = Model.from_loader("m", small(), loader), Model("m", small(), x, y)
    assert (model.data_sha256, model.weights_sha256) == (other.data_sha256, other.weights_sha256)


def test_identity_follows_weights_structure_buffers_and_data():
    x, y = images(16)
    base = Model("m", small(), x, y)
    bent = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(48, 4))
    bent.load_state_dict(small().state_dict())
    assert Model("m", small(2), x, y).weights_sha256 != base.weights_sha256
    assert Model("m", bent, x, y).weights_sha256 != base.weights_sha256
    assert Model("m", small(), x + 1, y).data_sha256 != base.data_sha256
    assert Model("m", small(), x, (y + 1) % 4).data_sha256 != base.data_sha256
    with_norm = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(36, 4))
    first = Model("m", with_norm, x, y).weights_sha256
    with_norm[0].running_mean += 1
    assert Model("m", with_norm, x, y).weights_sha256 != first


def test_card_identity_follows_normalisation():
    card = load_card("mnist-cnn")
    assert replace(card, input=Pixels(mean=(0.0,), std=card.std)).data_sha256 != card.data_sha256


@pytest.mark.parametrize(
    ("module", "x", "y", "said"),
    [
        ("net", np.zeros((2, 3)), [0, 1], "must be a torch.nn.Module"),
        (nn.ReLU(), np.zeros((2, 3)), [0, 1], "no parameters"),
        (nn.Linear(3, 2), np.zeros((2, 3)), [0, 1, 1], "images: shape .*as many as labels"),
        (nn.Linear(3, 2), np.zeros((2, 3)), [0, -1], "labels"),
        (nn.Linear(3, 2), np.zeros((2, 3)), [0.5, 1], "labels"),
        (nn.Linear(3, 2), np.zeros((0, 3)), np.zeros(0, int), "one or more images"),
        (nn.LazyLinear(2), np.zeros((2, 3)), [0, 1], "no shape yet"),
    ],
)
def test_unusable_model(module, x, y, said):
    with pytest.raises(InputError, match=said):
        Model("m", module, x, y)


def test_integer_parameters_are_refused():
    module = nn.Linear(3, 2)
    module.table = nn.Parameter(torch.arange(3), requires_grad=False)
    with pytest.raises(InputError, match=r"table: torch\.int64: only floating-point weights"):
        Model("m", module, np.zeros((2, 3)), [0, 1])


def test_weights_that_are_not_finite_are_refused():
    module = nn.Linear(3, 2)
    module.bias.data[0] = float("nan")
    with pytest.raises(InputError, match="bias: has weights that are not finite"):
        Model("m", module, np.zeros((2, 3)), [0, 1])


@pytest.mark.parametrize(
    ("module", "x", "said"),
    [
        (nn.Linear(5, 2), np.zeros((2, 3)), "cannot take its test images"),
        (nn.Linear(3, 2), np.zeros((2, 3)), "classes above 3"),
        (nn.Sequential(nn.Linear(3, 9), nn.Unflatten(1, (3, 3))), np.zeros((2, 3)), r"gives \(1, 3, 3\)"),
        (nn.LSTM(3, 4), np.zeros((2, 3)), "gives tuple"),
    ],
)
def test_model_that_does_not_fit_its_images(module, x, said):
    with pytest.raises(InputError, match=said):
        Model("m", module, x, [0, 3])


@pytest.mark.parametrize("loader", [3, [torch.zeros(3)], [(torch.zeros(2, 3),)], []])
def test_unusable_loader(loader):
    with pytest.raises(InputError, match="must yield batches"):
        Model.from_loader("m", nn.Linear(3, 2), loader)


def count_in_worker(model: Model) -> int:
    network = Network(model)
    return network.correct(0, np.arange(network.n_images))


def test_a_worker_process_rebuilds_it():
    model = Model("small", small(), *images(100))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(count_in_worker, (model,)) == count_in_worker(model)
    again = pickle.loads(pickle.dumps(model))
    assert again.weights_sha256 == model.weights_sha256


def test_a_module_that_writes_into_its_input_changes_nothing_for_later_calls():
    class Shifted(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 3)

        def forward(self, x):
            x -= 0.5
            return self.layer(x)

    random = np.random.default_rng(1)
    images, labels = random.normal(size=(600, 4)).astype(np.float32), random.integers(0, 3, 600)
    network = Network(Model("shifted", Shifted(), images, labels))
    counts = [network.correct(0, np.arange(600)) for _ in range(5)]
    assert len(set(counts)) == 1
