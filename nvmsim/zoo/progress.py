"""Progress of reading and fetching data, on stderr."""

from multiprocessing import parent_process
from typing import Any

from tqdm import tqdm


def progress(**options: Any) -> tqdm:
    """Return a tqdm with these options, which says nothing in a worker process: its parent has a bar of its own."""
    return tqdm(disable=parent_process() is not None, **options)
