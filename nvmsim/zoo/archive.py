"""Published tar archives: the wanted files of one, and nothing else of it."""

import io
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nvmsim.errors import InputError
from nvmsim.zoo.download import check_digest


@dataclass(frozen=True)
class Archive:
    """A published ``.tar.gz``: its name, size and md5 (the only checksum that its publishers give)."""

    name: str
    size_bytes: int
    md5: str

    def verify(self, content: bytes, where: object) -> None:
        """Raise InputError, naming ``where``, unless ``content`` is the published one."""
        check_digest(content, where, algorithm="md5", digest=self.md5, size_bytes=self.size_bytes)


def members(content: bytes, wanted: Callable[[str], object], *, most_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of the regular files in a gzip-compressed tar whose name is ``wanted``.

    Nothing is written here, links and devices are passed over, and names are only compared, so a hostile archive
    can reach no path. Raises InputError if it is damaged, or a wanted file has more than ``most_bytes`` bytes.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if not member.isreg() or not wanted(name):
                    continue
                if member.size > most_bytes:
                    raise InputError(f"{name}: {member.size} bytes; at most {most_bytes} are expected")
                yield name, archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise InputError(f"cannot be unpacked ({error})") from error
