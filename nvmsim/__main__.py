"""``python -m nvmsim``: the command line, also where its script is not on the path."""

import sys

from nvmsim.cli import main

sys.exit(main())
