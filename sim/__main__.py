"""`python -m bitspike`, as `torchrun -m bitspike` starts it."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
