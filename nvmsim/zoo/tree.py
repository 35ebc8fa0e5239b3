"""One checksum for many files."""

import hashlib
import os
from collections.abc import Iterable


def tree_sha256(files: Iterable[tuple[str, bytes]]) -> str:
    """Return a sha256 over the names and contents of ``files``, in the order given; sort them by name.

    >>> tree_sha256([("a", b"bc")]) != tree_sha256([("ab", b"c")])
    True
    """
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(b"%s\0%d\0" % (os.fsencode(name), len(content)))
        digest.update(content)
    return digest.hexdigest()
