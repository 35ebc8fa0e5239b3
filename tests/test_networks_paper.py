"""The paper's networks: sizes of its tables, batch norm folded away, the LSTM's shared padding, transfer."""

from collections import OrderedDict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nvmsim.errors import InputError
from nvmsim.zoo import cifar10_vgg, imdb_lstm, vgg16
from nvmsim.zoo.batch_norm import fold_batch_norm, with_batch_norm
from nvmsim.zoo.lstm import Lstm, leading_padding


def sizes(module: nn.Module) -> dict[str, int]:
    return {name: sum(p.numel() for p in child.parameters()) for name, child in module.named_children()
            if any(True for _ in child.parameters())}  # fmt: skip


def test_cifar10_vgg_is_the_papers_table_iii():
    tabled = (1792, 36928, 73856, 147584, 295168, 590080, 590080, 1048832, 2570)
    assert tuple(sizes(cifar10_vgg.build()).values()) == tabled


def test_imdb_lstm_is_the_papers_table_v():
    assert sizes(imdb_lstm.build()) == {"embedding": 160_000, "conv1": 3104, "lstm": 53_200, "fc": 101}


def test_vgg16_has_the_published_convolutions():
    convolutions = {name: size for name, size in sizes(vgg16.build()).items() if name.startswith("conv")}
    assert len(convolutions) == 13
    assert sum(convolutions.values()) == 14_714_688  # Simonyan and Zisserman 2014, table 2, less the classifier


def randomised(module: nn.Module) -> nn.Module:
    """Give batch norms statistics and scales that are not 0 and 1."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            for values, low, high in ((part.running_mean, -1, 1), (part.running_var, 0.1, 2.0)):
                values.uniform_(low, high)
            nn.init.uniform_(part.weight, -1.5, 1.5)
            nn.init.uniform_(part.bias, -1, 1)
    return module


def test_folding_keeps_the_function():
    torch.manual_seed(1)
    trained = randomised(with_batch_norm(cifar10_vgg.build())).double().eval()
    folded = fold_batch_norm(trained).double()
    assert not [part for part in folded.modules() if isinstance(part, nn.BatchNorm2d)]
    images = torch.randn(4, 3, 32, 32, dtype=torch.float64)
    with torch.inference_mode():
        wanted, found = trained(images.clone()), folded(images.clone())
    assert torch.allclose(wanted, found, rtol=1e-5, atol=1e-5 * wanted.abs().max())
    assert len(folded.state_dict()) == 18


def test_a_convolution_without_norm_stays():
    network = nn.Sequential(OrderedDict(conv1=nn.Conv2d(1, 2, 3)))
    assert torch.equal(fold_batch_norm(network).conv1.weight, network.conv1.weight)


def reference(lstm: Lstm) -> nn.LSTM:
    found = nn.LSTM(lstm.weight_ih.shape[1], lstm.units, batch_first=True)
    with torch.no_grad():
        found.weight_ih_l0.copy_(lstm.weight_ih)
        found.weight_hh_l0.copy_(lstm.weight_hh)
        found.bias_ih_l0.copy_(lstm.bias)
        found.bias_hh_l0.zero_()
    return found


@given(st.lists(st.integers(0, 30), min_size=1, max_size=9), st.integers(1, 30), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_lstm_is_torchs_whatever_the_padding(padded, steps, seed):
    torch.manual_seed(seed)
    lstm, sequences = Lstm(3, 5), torch.randn(len(padded), steps, 3)
    nn.init.normal_(lstm.bias)
    padding = torch.randn(3)
    for row, count in enumerate(padded):
        sequences[row, : min(count, steps)] = padding
    with torch.inference_mode():
        wanted, found = reference(lstm)(sequences)[1][0][0], lstm(sequences)
    assert torch.allclose(wanted, found, atol=1e-5)


def test_lstm_learns_like_torchs():
    torch.manual_seed(2)
    lstm, sequences = Lstm(3, 5), torch.randn(6, 20, 3)
    sequences[:4, :11] = sequences[0, 0]
    other = reference(lstm)
    lstm(sequences).square().sum().backward()
    other(sequences)[1][0][0].square().sum().backward()
    assert torch.allclose(lstm.weight_hh.grad, other.weight_hh_l0.grad, atol=1e-5)
    assert torch.allclose(lstm.weight_ih.grad, other.weight_ih_l0.grad, atol=1e-5)
    assert torch.allclose(lstm.bias.grad, other.bias_ih_l0.grad, atol=1e-5)


def test_values_that_are_no_numbers_are_not_taken_for_padding():
    sequences = torch.full((2, 4, 1), torch.nan)
    assert leading_padding(sequences)[1].tolist() == [0, 0]
    assert Lstm(1, 2)(sequences).isnan().all()


def test_looked_up_features_are_those_of_embedding_and_convolution():
    torch.manual_seed(3)
    network = imdb_lstm.build()
    words = torch.randint(0, imdb_lstm.WORDS, (5, imdb_lstm.LENGTH))
    with torch.inference_mode():
        trained, found = network.train()._trained_features(words), network.eval()._features(words)
    assert trained.shape == found.shape == (5, 498, 32)
    assert torch.allclose(trained, found, atol=1e-6)


def test_imdb_logits_are_two_classes_and_keep_what_is_no_number():
    network = imdb_lstm.build().eval()
    words = torch.zeros(3, imdb_lstm.LENGTH, dtype=torch.int64)
    with torch.inference_mode():
        assert network(words).shape == (3, 2) and not network(words)[:, 0].any()
        network.fc.bias.fill_(torch.nan)
        assert network(words).isnan().all()


def test_transfer_takes_each_convolution_from_its_place():
    shapes = [p.shape for name, p in vgg16.build().named_parameters() if name.startswith("conv")]
    theirs = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    names = [f"features.{k}.{part}" for k in theirs for part in ("weight", "bias")]
    state = {name: torch.full(shape, float(k)) for k, (name, shape) in enumerate(zip(names, shapes, strict=True))}
    found = vgg16.from_torchvision(state)
    network = vgg16.build()
    assert network.load_state_dict(found, strict=False).missing_keys == ["fc1.weight", "fc1.bias", "fc2.weight",
                                                                         "fc2.bias"]  # fmt: skip
    assert network.conv13.bias[0].item() == 25.0
    with pytest.raises(KeyError, match=r"features\.28\.bias"):
        vgg16.from_torchvision({name: part for name, part in state.items() if name != "features.28.bias"})


def test_smaller_images_pass_through():
    """Training starts with them, and the tests of the large network use them."""
    with torch.inference_mode():
        assert cifar10_vgg.build().eval()(torch.zeros(2, 3, 16, 16)).shape == (2, 10)
        assert vgg16.build().eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 2)


def test_batch_norm_refuses_what_it_would_fold_wrongly():
    conv, relu = nn.Conv2d(4, 4, 3), nn.ReLU()
    wrong = {
        "unnamed": nn.Sequential(conv, relu),
        "used twice": nn.Sequential(OrderedDict(conv1=conv, relu1=relu, conv2=nn.Conv2d(4, 4, 3), relu2=relu)),
        "dilated": nn.Sequential(OrderedDict(conv1=nn.Conv2d(4, 4, 3, dilation=2))),
        "grouped": nn.Sequential(OrderedDict(conv1=nn.Conv2d(4, 4, 3, groups=4))),
        "no bias": nn.Sequential(OrderedDict(conv1=nn.Conv2d(4, 4, 3, bias=False))),
        "nested": nn.Sequential(OrderedDict(block=nn.Sequential(OrderedDict(conv1=conv)))),
        "no sequence": nn.Linear(2, 2),
    }
    for network in wrong.values():
        with pytest.raises(InputError, match=r"recipe\.batch_norm: the network"):
            with_batch_norm(network)
