"""A device profile as text for people and as JSON for programs."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple
from textwrap import wrap
from typing import Any

from nvmsim.device.ages import Age, ages
from nvmsim.device.doubts import code_doubts
from nvmsim.device.host_link import derivation, link_gb_s, queue_gb_s
from nvmsim.device.parts import ASSUMPTION, BY_USER, Device
from nvmsim.device.resolve import leaves, plain
from nvmsim.device.sections import describe
from nvmsim.device.variants import MARK

WIDTH = 98
_KEY, _VALUE = 28, 22
_RANGE = "valid_range"
LEGEND = "A assumption   V read in the named work   S quoted elsewhere   C computed   U user   . other"


def as_text(device: Device, variants: Sequence[str] = ()) -> str:
    """Write a resolved profile: each value with unit, source mark and source, then its error rates by age.

    ``variants`` are those of its file.
    """
    title = f"{device.name}: {device.description}" if device.description else device.name
    lines = [*wrap(title, WIDTH), f"marks: {LEGEND}", f"page types: {' / '.join(device.page_types)}"]
    size_gb = capacity_bytes(device) / 1e9
    size = f"{size_gb:,.4g}" if size_gb < 1e4 else f"{size_gb:,.0f}"
    lines += [f"capacity: {size} GB of user bytes in {device.geometry.pages:,} pages"]
    lines += [f"variants: {', '.join(f'{MARK}{name}' for name in variants)}"] if variants else []
    section, before = "", ""
    for key, value in leaves(device).items():
        here = _section(key)
        if here != section:
            lines += ["", here]
            section, before = here, ""
        source = device.source(key)
        lines += _row(device, key, value, source=source, told="" if source == before else source)
        before = source
    host = [line for told in derivation(device.host) for line in wrap(told, WIDTH)]
    return "\n".join([*lines, "", *host, *([""] if host else []), *_age_table(device, ages(device))])


def capacity_bytes(device: Device) -> int:
    """Return the user bytes of all pages.

    >>> from nvmsim.device.load import load_device
    >>> capacity_bytes(load_device("stt-mram")) == 2**30
    True
    """
    return device.geometry.pages * device.page.user_bytes


def as_json(device: Device, variants: Sequence[str] = ()) -> str:
    """Write the profile, the source of every value, the error rates by age and the variants of its file as JSON."""
    keys = leaves(device)
    data = {
        "profile": plain(device),
        "variants": list(variants),
        "capacity_bytes": capacity_bytes(device),
        "sources": {key: device.source(key) for key in keys},
        "host": {"link_gb_s": link_gb_s(device.host), "queue_gb_s": queue_gb_s(device.host)},
        "assumptions": [key for key in keys if device.is_assumption(key)],
        "doubts": list(code_doubts(device)),
        "ages": {age.condition.name: _age_data(device, age) for age in ages(device)},
    }
    return json.dumps(data, indent=2, allow_nan=False)


def mark(source: str) -> str:
    """Return the one-letter mark of a source: A, V, S, C, U, or a dot where the text has none.

    >>> mark("a datasheet [V]"), mark("assumption: default")
    ('V', 'A')
    """
    if source.startswith(ASSUMPTION):
        return "A"
    if source == BY_USER:
        return "U"
    return next((letter for letter in "VSC" if f"[{letter}]" in source), ".")


def _section(key: str) -> str:
    return key.rpartition(".")[0] if key.startswith("conditions.") else key.partition(".")[0]


def _row(device: Device, key: str, value: Any, *, source: str, told: str) -> list[str]:
    name = key.removeprefix(f"{_section(key)}.")
    unit = key_type.kind.unit if (key_type := describe(key)) else ""
    shown = f"{key_text(key, value, device.page_types)} {unit}".rstrip()
    text = _told(told)
    long = len(shown) > _VALUE
    first = f"  {name + ' ':{_KEY}}{'' if long else shown:{_VALUE}} {mark(source)} {text[0] if text else ''}"
    rest = [" " * (_KEY + _VALUE + 5) + line for line in text[1:]]
    return [first.rstrip(), *rest, *(_long(value, shown, device) if long else [])]


def _told(source: str) -> list[str]:
    bare = source.removeprefix(f"{ASSUMPTION}: ").removesuffix(f"[{mark(source)}]").strip()
    return wrap(bare, WIDTH - _KEY - _VALUE - 5)


def _long(value: Any, shown: str, device: Device) -> list[str]:
    nested = isinstance(value, list) and any(isinstance(item, list | dict) for item in value)
    items = [value_text(item, device.page_types) for item in value] if nested else [shown]
    return [line for item in items for line in wrap(item, WIDTH, initial_indent="    ", subsequent_indent="      ")]


def key_text(key: str, value: Any, page_types: Sequence[str]) -> str:
    """Write the value of a key for people, a valid range as ``0 to 3000``.

    >>> key_text("rber.valid_range.pe_cycles", [0, 3000], ()), key_text("rber.layer_variation.factors", [2, 1], ())
    ('0 to 3000', '2 1')
    """
    if f".{_RANGE}." in key and isinstance(value, list):
        return " to ".join(value_text(item, page_types) for item in value)
    return value_text(value, page_types)


def value_text(value: Any, page_types: Sequence[str]) -> str:
    """Write a value of a profile for people, one number a page type as ``37 / 46 / 37``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _power(f"{value:.6g}")
    if isinstance(value, dict) and set(value) == set(page_types):
        return f"{' / '.join(value_text(value[name], page_types) for name in page_types)}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {value_text(item, page_types)}" for name, item in value.items())
    if isinstance(value, list):
        return " ".join(value_text(item, page_types) for item in value)
    return str(value)


def _power(number: str) -> str:
    """Write 1e-05 as 1e-5."""
    return re.sub(r"e-0", "e-", number)


def _age_table(device: Device, found: Sequence[Age]) -> list[str]:
    soft = ["soft"] if device.ecc.soft else []
    head = ["age", "P/E", "days", "°C", "reads", *device.page_types, "mean", "retry", *soft, "UBER", ""]
    rows = [head, *([*_age_cells(age), *_rate_cells(age)] for age in found)]
    target = _power(f"{device.ecc.uber_target:g}")
    shares = "share of reads to retry, and to read softly" if soft else "share of reads to retry"
    title = f"RBER of each page type by age; {shares}; UBER after ECC (at most {target})"
    lines = [title, *_aligned(rows)]
    if any(zero != one for age in found for zero, one in age.rates.seen.tolist()):
        lines += ["", "RBER where 0 is stored / where 1 is stored", *_aligned(_by_stored_bit(device, found))]
    lines += ["", "mean RBER by kind of error: written, retained since, anew at each read", *_aligned(_by_kind(found))]
    lines += _pages(found)
    warnings = [f"{age.condition.name}: {text}" for age in found for text in age.rates.warnings]
    warnings += code_doubts(device)
    return lines + ([""] if warnings else []) + [line for text in warnings for line in wrap(text, WIDTH)]


def _pages(found: Sequence[Age]) -> list[str]:
    """Say how far pages lie apart: equally far at every age."""
    factors = found[0].rates.classes.factors
    if len(factors) == 1:
        return []
    span = f"{factors[0]:.2g} to {factors[-1]:.2g} times what its type has above"
    span += ", but for stuck cells" if found[0].rates.stuck else ""
    return ["", f"pages differ: the RBER of a page is {span}; retry and UBER are means over pages"]


def _age_cells(age: Age) -> list[str]:
    condition = age.condition
    numbers = (condition.pe_cycles, condition.retention_days, condition.temperature_c, condition.reads_per_page)
    return [condition.name, *(f"{number:g}" for number in numbers)]


def _rate_cells(age: Age) -> list[str]:
    by_type = [_power(f"{rate:.2e}") for rate in (*age.rates.seen.mean(axis=1), age.rates.mean)]
    soft = [] if age.soft is None else [share_text(age.soft)]
    return [*by_type, share_text(age.retried), *soft, share_text(age.uber), age.verdict]


def share_text(value: float | None) -> str:
    """Return a share or a rate in one digit, two above a tenth; None: ``-``.

    >>> share_text(0.123), share_text(3.1e-12), share_text(0.0)
    ('0.12', '3e-12', '<1e-99')
    """
    if value is None:
        return "-"
    return f"{value:.2f}" if value >= 0.1 else "<1e-99" if value < 1e-99 else _power(f"{value:.0e}")


def _by_kind(found: Sequence[Age]) -> list[list[str]]:
    kinds = [(age.condition.name, *astuple(age.kinds)) for age in found]
    rows = [[name, *(_power(f"{part:.2e}") if part else "0" for part in parts)] for name, *parts in kinds]
    return [["age", "written", "retained", "per read"], *rows]


def _by_stored_bit(device: Device, found: Sequence[Age]) -> list[list[str]]:
    rows = [["age", *device.page_types]]
    for age in found:
        pairs = [f"{zero:.2e} / {one:.2e}" for zero, one in age.rates.seen.tolist()]
        rows.append([age.condition.name, *map(_power, pairs)])
    return rows


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(_cells(row, widths)).rstrip() for row in rows]


def _cells(row: Sequence[str], widths: Iterable[int]) -> list[str]:
    return [
        cell.ljust(width) if index == 0 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _age_data(device: Device, age: Age) -> dict[str, Any]:
    pairs = zip(device.page_types, age.rates.seen.tolist(), strict=True)
    return {
        "rber": {name: {"stored_0": zero, "stored_1": one, "mean": (zero + one) / 2} for name, (zero, one) in pairs},
        "mean_rber": age.rates.mean,
        "rber_by_kind": asdict(age.kinds),
        "pages_retried": age.retried,
        "page_factors": [age.rates.classes.factors[0], age.rates.classes.factors[-1]],
        **({} if age.soft is None else {"pages_read_softly": age.soft}),
        "uber": age.uber,
        "uber_target": age.uber_target,
        "verdict": age.verdict,
        "warnings": list(age.rates.warnings),
    }
