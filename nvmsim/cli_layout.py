"""``nvmsim layout``: where a model lies on a device."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from nvmsim.accuracy.part import first_spans
from nvmsim.accuracy.ranges import Placed
from nvmsim.accuracy.unequal import split
from nvmsim.device.layout import placed_layout
from nvmsim.device.memory_image import MemoryImage
from nvmsim.device.parts import Condition, Device
from nvmsim.device.placement import EQUALLY_RELIABLE, LINEAR
from nvmsim.device.profile import load_device
from nvmsim.device.rber import device_rates
from nvmsim.encoding.spec import make_encoding
from nvmsim.errors import InputError
from nvmsim.study.scheme import Scheme, parse_scheme
from nvmsim.text_table import aligned
from nvmsim.zoo.card import load_card


@dataclass(frozen=True)
class Place:
    """Where a tensor's bits in one file lie: first and last page, and how many channels, dies and page types."""

    file: str
    tensor: str
    weights: int
    stored_bytes: float
    first_page: int
    last_page: int
    channels: int
    dies: int
    page_types: str


@dataclass(frozen=True)
class File:
    """What is stored in pages of its own, read in ``mode``: ``bits`` (rising) of the words of some tensors."""

    mode: str
    tensors: Sequence[Placed]
    bits: Sequence[int]
    whole_words: bool
    image: MemoryImage

    @cached_property
    def starts(self) -> dict[str, int]:
        """The number of each tensor's first weight in the file."""
        ends = np.cumsum([tensor.size for tensor in self.tensors]).tolist()
        return {tensor.name: end - tensor.size for tensor, end in zip(self.tensors, ends, strict=True)}


def layout_report(
    where: str,
    settings: Sequence[str] = (),
    *,
    model: str,
    scheme: str,
    mode: str | None = None,
    condition: str | None = None,
    fmt: str = "table",
) -> str:
    """Return where the tensors of ``model`` lie on a device as ``scheme`` stores them, as a table or as JSON.

    ``mode`` is ``ecc``, ``bypass`` or ``reclaim``, by default the scheme's first; a scheme with ECC in part is two
    files, each on pages from 0, in a mode such as ``ecc+reclaim``. Page types are those of a load that starts on the
    first type. A scheme that places by page type shows the share of each bit position, or of each tensor, on each page
    type instead, which suits the age ``condition`` (None: the device's default). Raises InputError on an unknown
    device, model, scheme or age, or a mode the scheme lacks.
    """
    device, card, parsed = load_device(where, settings), load_card(model), _parsed(scheme)
    if problems := parsed.layer_problems(card.tensors):
        raise InputError([f"--scheme: {scheme[:60]!r}: {problem}" for problem in problems])
    mode = mode or parsed.modes[0]
    if mode not in parsed.modes:
        raise InputError(f"--mode: {mode!r}: {scheme} is read as {' or '.join(parsed.modes)}")
    age = device.condition(condition)
    files = _files(device, card.tensors, parsed, mode=mode, age=age)
    pages = sum(file.image.pages for file in files)
    facts = {"device": device.name, "condition": age.name, "model": card.name, "scheme": scheme, "mode": mode}
    notes = [f"{age.name}: {EQUALLY_RELIABLE}"] if parsed.placement != LINEAR and not _placed(files) else []
    return _report_of(files)(files, {**facts, "pages": pages, "notes": notes}, device.page_types, fmt)


def _parsed(scheme: str) -> Scheme:
    try:
        return parse_scheme(scheme)
    except InputError as error:
        raise InputError([f"--scheme: {scheme[:60]!r}: {problem}" for problem in error.problems]) from None


def _placed(files: Sequence[File]) -> bool:
    return files[0].image.placement is not None


def _report_of(files: Sequence[File]) -> Callable[..., str]:
    if not _placed(files):
        return _word_report
    return _plane_report if files[0].image.first is None else _layer_report


def _files(device: Device, tensors: Sequence[Placed], scheme: Scheme, *, mode: str, age: Condition) -> list[File]:
    rates = device_rates(device, age).by_page_type
    width = make_encoding(scheme.encoding).width
    parts = split(scheme.protected, tensors, width=width)
    found = []
    for one, (inside, bits) in zip(mode.split("+"), parts, strict=True):
        words = np.zeros(sum(tensor.size for tensor in inside), np.uint32)
        layout = placed_layout(device, one, scheme.placement, rates)
        first = first_spans(inside, scheme.first_layers) if scheme.first_layers else None
        image = MemoryImage.build(words, width=len(bits), layout=layout, first=first)
        found.append(File(one, inside, bits, len(bits) == width, image))
    return found


def _word_report(files: Sequence[File], facts: dict[str, object], names: Sequence[str], fmt: str) -> str:
    places = [place for file in files for tensor in file.tensors for place in _places(file, tensor, names)]
    if fmt == "json":
        return json.dumps({**facts, "tensors": [asdict(place) for place in places]}, indent=2)
    heading = ("file", "tensor", "weights", "bytes", "pages", "channels", "dies", "page types")
    return _table([heading, *map(_cells, places)], files, facts)


def _plane_report(files: Sequence[File], facts: dict[str, object], names: Sequence[str], fmt: str) -> str:
    shares = [(file.mode, str(bit), _shares(file, at, names)) for file in files for at, bit in _from_the_top(file)]
    if fmt == "json":
        bits = [{"file": file, "bit": int(bit), **row} for file, bit, row in shares]
        return json.dumps({**facts, "bits": bits}, indent=2)
    table = [(file, bit, *(f"{share:.1%}" for share in row.values())) for file, bit, row in shares]
    return _table([("file", "bit", *names), *table], files, facts, _best_first(files, facts, names))


def _layer_report(files: Sequence[File], facts: dict[str, object], names: Sequence[str], fmt: str) -> str:
    shares = [(file, tensor, _tensor_shares(file, tensor, names)) for file in files for tensor in _by_rank(file)]
    if fmt == "json":
        keys = [{"file": file.mode, "tensor": tensor.name, "weights": tensor.size} for file, tensor, _ in shares]
        tensors = [{**key, "page_types": row} for key, (_, _, row) in zip(keys, shares, strict=True)]
        return json.dumps({**facts, "tensors": tensors}, indent=2)
    table = [
        (file.mode, tensor.name, f"{tensor.size:,}", *(f"{share:.1%}" for share in row.values()))
        for file, tensor, row in shares
    ]
    note = f"in the order in which they fill the pages, {_best_first(files, facts, names)}"
    return _table([("file", "tensor", "weights", *names), *table], files, facts, note)


def _best_first(files: Sequence[File], facts: dict[str, object], names: Sequence[str]) -> str:
    order = ", ".join(names[kind] for kind in files[0].image.layout.plane_order)
    return f"most reliable first at {facts['condition']}: {order}"


def _by_rank(file: File) -> list[Placed]:
    ranking = file.image.placement.ranking
    return sorted(file.tensors, key=lambda tensor: int(ranking.rank_of(file.starts[tensor.name], 0)))


def _tensor_shares(file: File, tensor: Placed, names: Sequence[str]) -> dict[str, float]:
    return _held(file, weight=file.starts[tensor.name], bit=0, count=tensor.size * len(file.bits), names=names)


def _from_the_top(file: File) -> list[tuple[int, int]]:
    return list(enumerate(file.bits))[::-1]


def _shares(file: File, at: int, names: Sequence[str]) -> dict[str, float]:
    return _held(file, weight=0, bit=at, count=file.image.n_weights, names=names)


def _held(file: File, *, weight: int, bit: int, count: int, names: Sequence[str]) -> dict[str, float]:
    """Return the share on each page type of the ``count`` bits that follow each other by rank from a weight's bit."""
    placement = file.image.placement
    held = placement.held(rank=int(placement.ranking.rank_of(weight, bit)), count=count)
    return dict(zip(names, (held / count).tolist(), strict=True))


def _table(rows: Sequence[Sequence[str]], files: Sequence[File], facts: dict[str, object], *notes: str) -> str:
    shown = rows if len(files) > 1 else [row[1:] for row in rows]
    sizes = [_summary(file, facts["scheme"]) for file in files]
    return "\n".join([*aligned(shown), "", *notes, *facts["notes"], *sizes])


def _places(file: File, tensor: Placed, names: Sequence[str]) -> Iterator[Place]:
    image, start = file.image, file.starts[tensor.name]
    spans = {tensor.name: (image.where(start, tensor.size), image.word_bits)}
    if image.check_bits:
        spans[f"{tensor.name}, check bits"] = (image.where_check(start, tensor.size), image.check_bits)
    for name, ((first, last), bits) in spans.items():
        pages = np.arange(first, last + 1)
        channels, dies = image.layout.channel_of(pages), image.layout.die_of(pages)
        yield Place(
            file=file.mode,
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
    return (place.file, place.tensor, *amounts, place.page_types)


def _summary(file: File, scheme: object) -> str:
    usable = file.image.layout.usable_bits // 8
    pages = f"{file.image.pages:,} pages of {usable:,} bytes for weights"
    held = f"{len(file.bits)}-bit words" if file.whole_words else f"{len(file.bits)} bits of each word"
    return f"{scheme}, {file.mode}: {pages}, {held}"
