"""How far a measurement is, for the one who waits."""


class Bar:
    """A progress bar on stderr, drawn from the first piece of work on; or none."""

    def __init__(self, shown: bool) -> None:
        self._shown, self._bar = shown, None

    def expect(self, blocks: int) -> None:
        """Take ``blocks`` as the blocks still to come, in place of the last guess."""
        if self._shown and self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(unit=" blocks", desc="accuracy", leave=False)
        if self._bar is not None:
            self._bar.total = self._bar.n + blocks
            self._bar.refresh()

    def move(self, blocks: int) -> None:
        """Count ``blocks`` as done."""
        if self._bar is not None:
            self._bar.update(blocks)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
