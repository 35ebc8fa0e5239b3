"""What every test leaves behind: nothing."""

import pytest

from nvmsim import plugins


@pytest.fixture(autouse=True)
def registered_parts():
    """Take back what a test registered: a part that only one process knows would keep others from using workers."""
    before = plugins.registered()
    yield
    plugins._registered.clear()
    plugins._registered.update(before)
