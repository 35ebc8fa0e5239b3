"""Find a study for the commands that look at what is stored: by its file, or by the name under which it was run."""

from dataclasses import replace
from pathlib import Path

from nvmsim.accuracy.store import Store
from nvmsim.errors import InputError
from nvmsim.study.grid.load import load_study, read_study, study_names
from nvmsim.study.grid.run import NOTE
from nvmsim.study.grid.spec import Study
from nvmsim.suggest import or_near


def stored_names(store: Store) -> list[str]:
    """Return the names of the studies that were run into a store, sorted."""
    return [key.removeprefix(NOTE) for key in store.note_keys(NOTE)]


def open_study(where: str | None, store: Store) -> Study:
    """Return the study of a file, else the one that was run under this name, else the bundled one.

    Without ``where`` it is the only one that was run. Raises InputError if there is none, or several.
    """
    known = stored_names(store)
    if where is None:
        return _stored(_only(known, store), store)
    if Path(where).is_file():
        return load_study(where)
    if where in known:
        return _stored(where, store)
    if where in study_names() or Path(where).suffix:
        return load_study(where)
    raise InputError(f"study {where!r}: {or_near(where, [*known, *study_names()])}")


def replaced(study: Study, store: Store) -> str:
    """Say that another text of this study's name is stored, which a run takes the place of; "" if there is none.

    Its trials stay, and its own file finds them again.
    """
    known = _stored(study.name, store).text if study.name in stored_names(store) else study.text
    if known == study.text:
        return ""
    return f"{study.label}: takes the place of another text of the study {study.name} in {store.path}; all trials stay"


def unlike_bundled(where: str | None, study: Study) -> str:
    """Say that the stored study of a bundled one's name was taken, where the bundled text is another; "" if not."""
    if where not in study_names() or Path(where).is_file() or load_study(where).text == study.text:
        return ""
    return f"{study.label}: as it was run before; the bundled study {where} is another text: configs/{where}.yaml"


def _only(known: list[str], store: Store) -> str:
    if len(known) == 1:
        return known[0]
    if not known:
        raise InputError(f"{store.path}: no study was run into it; nvmsim study FILE runs one")
    raise InputError(f"{store.path}: holds several studies, name one of {', '.join(known)}")


def _stored(name: str, store: Store) -> Study:
    note = store.note(f"{NOTE}{name}")
    if not isinstance(note, dict) or not all(isinstance(note.get(key), str) for key in ("text", "folder")):
        raise InputError(f"{store.path}: its study {name} is damaged; name the study's file instead")
    return read_study(note["text"], name=name, label=f"{store.path}: {name}", folder=Path(note["folder"]))


def with_max_drop(study: Study, max_drop_points: float | None) -> Study:
    """Return the study with another loss allowed to its answers (None: its own); InputError if out of range."""
    if max_drop_points is None:
        return study
    if not 0 <= max_drop_points <= 100:
        raise InputError(f"--max-drop: {max_drop_points:g}: must be from 0 to 100 points")
    return replace(study, sampling=replace(study.sampling, max_drop_points=max_drop_points))
