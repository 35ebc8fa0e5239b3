"""What ``nvmsim devices`` prints."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nvmsim.defaults import CONDITION, RESULTS
from nvmsim.errors import InputError
from nvmsim.text_table import aligned

if TYPE_CHECKING:
    from nvmsim.device.parts import Device

FORMATS = ("table", "json")


def list_devices() -> str:
    """List the bundled profiles, one a line, and how to see more."""
    from nvmsim.device.profile import device_names, load_device, variant_names

    rows = [("name", "bits", "page", "ECC", "error model", "variants", "")]
    for device in map(load_device, device_names()):
        page = f"{device.page.user_bytes}+{device.page.spare_bytes}"
        variants = ", ".join(variant_names(device.name)) or "-"
        facts = (device.name, str(device.cell.bits), page, device.ecc.code, device.rber["model"], variants)
        rows.append((*facts, device.description))
    hint = "nvmsim devices show NAME prints one of them; NAME@VARIANT and paths to profiles of your own work too"
    return "\n".join([*aligned(rows), "", hint])


def show_device(where: str | Path, settings: Sequence[str] = (), *, fmt: str = "table") -> str:
    """Return the resolved profile with its error rates; ``fmt`` is "table" or "json"; raises InputError."""
    from nvmsim.device.profile import load_device, variant_names
    from nvmsim.device.show import as_json, as_text

    if fmt not in FORMATS:
        raise InputError(f"--format {fmt}: must be one of {', '.join(FORMATS)}")
    device, variants = load_device(where, settings), variant_names(where)
    return as_json(device, variants) if fmt == "json" else as_text(device, variants)


def compare_devices(wheres: Sequence[str | Path], *, fmt: str = "table") -> str:
    """Return where profiles differ and what comes of it; raises InputError with what is wrong in any of them."""
    from nvmsim.device.profile import load_device
    from nvmsim.report.devices_compare import as_json, as_table

    devices, problems = [], []
    for where in wheres:
        try:
            devices.append(load_device(where))
        except InputError as error:
            problems += error.problems
    if len(wheres) < 2:
        problems.append("name at least two profiles to compare")
    if problems:
        raise InputError(problems)
    return as_json(devices) if fmt == "json" else as_table(devices)


def plot_device(
    where: str | Path, settings: Sequence[str] = (), *, out: str | Path | None = None, narrow: bool = False
) -> str:
    """Draw RBER over life with the ECC limit, and the cells' distributions where the model has them."""
    from functools import partial

    from nvmsim.device.error_models.level_model import LevelModel
    from nvmsim.device.life import ecc_limits, life, rows_of
    from nvmsim.device.profile import load_device
    from nvmsim.device.rber import error_model
    from nvmsim.report.csv_text import csv_text
    from nvmsim.report.drawing import NARROW_IN
    from nvmsim.report.figure_device import build
    from nvmsim.report.figure_folder import write_figure

    device = load_device(where, settings)
    rows = rows_of(device, life(device))
    everything = json.dumps({"device": device.name, "ecc_limits": ecc_limits(device), "curves": rows}, indent=2)
    folder = Path(out or RESULTS / device.name)
    data = csv_text(list(rows[0]), rows)
    drawn = partial(build, device, NARROW_IN) if narrow else partial(build, device)
    path = write_figure("device", folder, build=drawn, data=data, everything=everything)
    shown = isinstance(error_model(device), LevelModel)
    levels = "" if shown else "; its error model has no threshold voltages or resistances to show"
    return f"wrote {path} (and .png, .csv, .json){levels}"


def new_device(name: str, base: str, *, out: str | Path | None = None) -> str:
    """Write a commented profile that extends ``base``, never over a file; raises InputError if it cannot be."""
    from nvmsim.device.profile import device_names, load_device
    from nvmsim.device.schema import Wrong
    from nvmsim.device.sections import NAME
    from nvmsim.device.template import template

    try:
        NAME.read(name)
    except Wrong as error:
        raise InputError(f"NAME {name[:80]!r}: must be {error}") from None
    path, text = Path(out or f"{name}.yaml"), template(load_device(base), name=name, base=base)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; choose another place with --out") from None
    said = f"wrote {path}: change it, then nvmsim devices check {path}"
    return f"{said}\nnote: {name} alone still means the bundled profile" if name in device_names() else said


def check_device(where: str | Path, settings: Sequence[str] = ()) -> str:
    """Say that a profile is right, and what to know of it; raise InputError with everything that is wrong."""
    from nvmsim.device.profile import find_variant, load_device, variant_names
    from nvmsim.device.resolve import leaves
    from nvmsim.device.unread import unread
    from nvmsim.device.variants import MARK

    device, variants = load_device(where, settings), variant_names(where)
    keys = leaves(device)
    assumed = sum(device.is_assumption(key) for key in keys)
    lines = [f"{where}: a valid profile; {assumed} of its {len(keys)} values are assumptions", *_notes(device)]
    lines += [f"note: {note}" for note in unread(where, settings, device)]
    if CONDITION not in device.conditions:
        lines.append(f"note: there is no condition {CONDITION}; commands take {device.condition().name} by default")
    if bare := [key for key in keys if not device.has_source(key)]:
        lines.append(f"note: without a source: {', '.join(bare)}")
    if find_variant(where)[1] is None and not settings:  # what was set may be about this one alone
        for name in variants:
            lines += [f"{where}{MARK}{name}: a valid variant", *_notes(load_device(f"{where}{MARK}{name}"))]
    return "\n".join(lines)


def _notes(device: "Device") -> list[str]:
    from nvmsim.device.ages import ages
    from nvmsim.device.doubts import code_doubts

    aged = [f"condition {age.condition.name}: {note}" for age in ages(device) for note in age.notes]
    return [f"note: {note}" for note in (*code_doubts(device), *aged)]
