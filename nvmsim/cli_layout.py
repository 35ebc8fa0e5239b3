"""``nvmsim layout``: where a model lies on a device."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from nvmsim.device.layout import MemoryImage, placed_layout
from nvmsim.device.profile import load_device
from nvmsim.device.rber import device_rates
from nvmsim.encoding.spec import make_encoding
from nvmsim.errors import InputError
from nvmsim.study.scheme import parse_scheme
from nvmsim.text_table import aligned
from nvmsim.zoo.card import load_card


@dataclass(frozen=True)
class Place:
    """Where one tensor lies: first and last page, and how many channels, dies and page types these touch."""

    tensor: str
    weights: int
    stored_bytes: float
    first_page: int
    last_page: int
    channels: int
    dies: int
    page_types: str


def layout_report(
    where: str, settings: Sequence[str] = (), *, model: str, scheme: str, mode: str | None = None, fmt: str = "table"
) -> str:
    """Return where the tensors of ``model`` lie on a device as ``scheme`` stores them, as a table or as JSON.

    ``mode`` is ``ecc``, ``bypass`` or ``reclaim``, by default the scheme's first. Page types are those of a load that
    starts on the first type. A scheme in bit planes shows the share of each bit position on each page type instead, at
    the device's default age. Raises InputError on an unknown device, model or scheme, or a mode the scheme lacks.
    """
    device, card, parsed = load_device(where, settings), load_card(model), parse_scheme(scheme)
    if parsed.protected:
        raise InputError(f"--scheme: {scheme!r}: is stored as two files, one with ECC; ask for ecc, or for raw")
    mode = mode or parsed.modes[0]
    if mode not in parsed.modes:
        raise InputError(f"--mode: {mode!r}: {scheme} is read as {' or '.join(parsed.modes)}")
    width = make_encoding(parsed.encoding).width
    layout = placed_layout(device, mode, parsed.placement, device_rates(device, device.condition()).by_page_type)
    image = MemoryImage.build(np.zeros(card.n_weights, np.uint16), width=width, layout=layout)
    if image.planes is not None:
        return _plane_report(image, scheme, device.page_types, fmt)
    places = [place for tensor in card.tensors for place in _places(image, tensor, device.page_types)]
    facts = {"device": device.name, "model": card.name, "scheme": scheme, "mode": mode, "pages": image.pages}
    if fmt == "json":
        return json.dumps({**facts, "tensors": [asdict(place) for place in places]}, indent=2)
    heading = [("tensor", "weights", "bytes", "pages", "channels", "dies", "page types")]
    return "\n".join([*aligned([*heading, *map(_cells, places)]), "", _summary(image, scheme)])


def _plane_report(image: MemoryImage, scheme: str, names: Sequence[str], fmt: str) -> str:
    planes = image.planes
    rows = {}
    for bit in reversed(range(image.width)):
        stream = planes.stream_of(np.arange(image.n_weights), bit)
        kinds = planes.page_type(stream // image.layout.usable_bits)
        rows[bit] = dict(zip(names, (np.bincount(kinds, minlength=len(names)) / len(kinds)).tolist(), strict=True))
    if fmt == "json":
        return json.dumps({"scheme": scheme, "mode": image.layout.mode, "pages": image.pages, "bits": rows}, indent=2)
    heading = ("bit", *names)
    table = [heading, *((str(bit), *(f"{share:.1%}" for share in row.values())) for bit, row in rows.items())]
    best = ", ".join(names[kind] for kind in image.layout.plane_order)
    return "\n".join([*aligned(table), "", f"most reliable first: {best}", _summary(image, scheme)])


def _places(image: MemoryImage, tensor: object, names: Sequence[str]) -> Iterator[Place]:
    spans = {tensor.name: (image.where(tensor.start, tensor.size), image.word_bits)}
    if image.check_bits:
        spans[f"{tensor.name}, check bits"] = (image.where_check(tensor.start, tensor.size), image.check_bits)
    for name, ((first, last), bits) in spans.items():
        pages = np.arange(first, last + 1)
        channels, dies = image.layout.channel_of(pages), image.layout.die_of(pages)
        yield Place(
            tensor=name,
            weights=tensor.size,
            stored_bytes=tensor.size * bits / 8,
            first_page=first,
            last_page=last,
            channels=len(set(channels)),
            dies=len(set(zip(channels, dies, strict=True))),
            page_types=", ".join(names[kind] for kind in sorted(set(image.layout.page_type(pages)))),
        )


def _cells(place: Place) -> tuple[str, ...]:
    pages = f"{place.first_page}-{place.last_page}" if place.last_page > place.first_page else str(place.first_page)
    amounts = (f"{place.weights:,}", f"{place.stored_bytes:,.0f}", pages, str(place.channels), str(place.dies))
    return (place.tensor, *amounts, place.page_types)


def _summary(image: MemoryImage, scheme: str) -> str:
    usable = image.layout.usable_bits // 8
    return (
        f"{scheme}, {image.layout.mode}: {image.pages:,} pages of {usable:,} bytes for weights, {image.width}-bit words"
    )
