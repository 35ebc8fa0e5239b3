"""How a study's report calls a setting and the values of its keys."""

from nvmsim.report.formats import clean, number, quantity
from nvmsim.study.grid.outcome import Setting, StudyOutcome
from nvmsim.study.grid.spec import UNNAMED, Point

AGES = ("pe_cycles", "retention_days", "reads_per_page", "temperature_c", "rber", "condition")
_SELF_EVIDENT = ("device", "model", "condition", "range_scope")
_RESOURCES = {"die": "dies", "bus": "buses", "ecc": "ECC engines", "host": "host link"}
_HEADINGS = {"model": "network", "pe_cycles": "P/E cycles", "rber": "RBER"}


def resource_name(name: str) -> str:
    """Return what a sentence calls a resource of the read path.

    >>> resource_name("ecc"), resource_name("own")
    ('ECC engines', 'own')
    """
    return _RESOURCES.get(name, clean(name))


def key_heading(key: str) -> str:
    """Return a key as the heading of a column, such as ``P/E cycles``.

    >>> key_heading("pe_cycles"), key_heading("retention_days")
    ('P/E cycles', 'retention days')
    """
    return _HEADINGS.get(key, clean(key).replace("_", " "))


def value_text(value: object) -> str:
    """Return a key's value as the cell of a table; the steps of a range between whole numbers to four digits.

    >>> value_text(30_000), value_text("tlc"), value_text(None), value_text(0.000108078361)
    ('30,000', 'tlc', '', '0.0001081')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else clean(value)
    if abs(value) >= 1e9:
        return number(value)
    return f"{value:,.9g}" if float(value).is_integer() else f"{value:,.4g}"


def spoken(key: str, value: object) -> str:
    """Return a key's value in words, such as ``3,000 P/E cycles``."""
    return clean(value) if key in _SELF_EVIDENT else quantity(key, value)


def setting_name(setting: Setting | Point) -> str:
    """Return what tells a setting from the others, such as ``tlc, 3,000 P/E cycles``; a named grid's name before it.

    Two grids may ask other schemes of one setting.
    """
    varied = [spoken(key, value) for key, value in setting.varied.items()]
    if setting.grid != UNNAMED:
        return f"{clean(setting.grid)}: {', '.join(varied)}" if varied else clean(setting.grid)
    return ", ".join(varied) or "the only setting"


def shown_keys(outcome: StudyOutcome) -> tuple[str, ...]:
    """Return the keys that tell settings apart: ``grid`` where there are several, and the axes."""
    several = len({setting.grid for setting in outcome.settings}) > 1
    return (("grid",) if several else ()) + tuple(key for key in outcome.axes if key != "scheme")


def value_of(setting: Setting, key: str) -> object:
    """Return a setting's value of a key, None where its grid lacks the key."""
    return setting.grid if key == "grid" else setting.varied.get(key)
