"""The one error that a user's input can cause."""

from collections.abc import Sequence


class InputError(ValueError):
    """Everything that is wrong with an input, one line a problem.

    The command line prints the problems and leaves with exit code 2.

    >>> str(InputError(["tlc.yaml: page.user_bytes: -1: must be positive"]))
    'tlc.yaml: page.user_bytes: -1: must be positive'
    """

    def __init__(self, problems: Sequence[str] | str) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple:
        return type(self), (self.problems,)
