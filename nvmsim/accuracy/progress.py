"""How far a measurement is, for the one who waits."""

import sys

TERMINAL_S, FILE_S = 0.1, 10.0  # a terminal shows a moving bar; a log wants a line now and then


class Bar:
    """A progress bar on stderr, drawn from the first piece of work on; or none."""

    def __init__(self, shown: bool) -> None:
        self._shown, self._bar, self._name = shown, None, "accuracy"

    def name(self, name: str) -> None:
        """Say what is measured from the next :meth:`expect` on."""
        self._name = name

    def expect(self, blocks: int) -> None:
        """Take ``blocks`` as the blocks still to come, in place of the last guess."""
        if self._shown and self._bar is None:
            from tqdm import tqdm

            pause_s = TERMINAL_S if sys.stderr.isatty() else FILE_S
            self._bar = tqdm(unit=" blocks", desc=self._name, leave=False, mininterval=pause_s, maxinterval=pause_s)
        if self._bar is not None:
            self._bar.total = self._bar.n + blocks
            self._bar.set_description(self._name)

    def move(self, blocks: int) -> None:
        """Count ``blocks`` as done."""
        if self._bar is not None:
            self._bar.update(blocks)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
