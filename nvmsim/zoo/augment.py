"""Random small affine changes of training images."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from nvmsim.zoo.recipe import Recipe


def _uniform(generator: torch.Generator, count: int, bound: float) -> Tensor:
    return (torch.rand(count, generator=generator) * 2 - 1) * bound


def affine_maps(recipe: Recipe, count: int, width_px: int, generator: torch.Generator) -> Tensor:
    """Return float32 [count, 2, 3] maps from output to input coordinates (-1 to 1), drawn from ``generator``.

    >>> affine_maps(Recipe(epochs=1), 1, 28, torch.Generator().manual_seed(0)).abs().tolist()
    [[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]
    """
    angle = _uniform(generator, count, math.radians(recipe.rotate_deg))
    shear = _uniform(generator, count, math.radians(recipe.shear_deg)).tan()
    zoom_x, zoom_y = (1 + _uniform(generator, count, recipe.scale) for _ in range(2))
    shift_x, shift_y = (_uniform(generator, count, 2 * recipe.shift_px / width_px) for _ in range(2))
    cos, sin = angle.cos(), angle.sin()
    top = torch.stack([zoom_x * cos, zoom_x * (shear * cos - sin), shift_x], dim=1)
    bottom = torch.stack([zoom_y * sin, zoom_y * (shear * sin + cos), shift_y], dim=1)
    return torch.stack([top, bottom], dim=1)


def augment(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Return changed copies of ``images`` (float [n, c, h, w], background 0), as ``recipe`` says."""
    if any((recipe.rotate_deg, recipe.scale, recipe.shear_deg, recipe.shift_px)):
        images = _warped(images, recipe, generator)
    if recipe.crop_px:
        images = _cropped(images, recipe.crop_px, generator)
    if recipe.flip:
        mirrored = torch.rand(len(images), generator=generator) < recipe.flip
        images = torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images)
    return images


def _cropped(images: Tensor, most_px: int, generator: torch.Generator) -> Tensor:
    """Move each image by up to ``most_px`` whole pixels both ways; what comes in is its mirrored edge."""
    count, _, height, width = images.shape
    padded = functional.pad(images, (most_px,) * 4, mode="reflect")
    down, right = torch.randint(0, 2 * most_px + 1, (2, count, 1), generator=generator)
    rows, columns = down + torch.arange(height), right + torch.arange(width)
    index = torch.arange(count).view(-1, 1, 1), rows.unsqueeze(2), columns.unsqueeze(1)
    return padded.permute(0, 2, 3, 1)[index].permute(0, 3, 1, 2)


def _warped(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    maps = affine_maps(recipe, len(images), images.shape[-1], generator)
    grid = functional.affine_grid(maps, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)
