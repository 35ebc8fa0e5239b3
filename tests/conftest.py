"""What holds for every test: it leaves nothing behind, and a busy machine does not fail it."""

import pytest
from hypothesis import settings

from nvmsim import plugins

# Examples that write files or compile take longer than 0.2 s where other programs run: that says nothing of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def registered_parts():
    """Take back what a test registered: a part that only one process knows would keep others from using workers."""
    before = plugins.registered()
    yield
    plugins._registered.clear()
    plugins._registered.update(before)
