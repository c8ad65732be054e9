"""`python -m inditree`."""

import sys

from inditree.cli import main

sys.exit(main())
