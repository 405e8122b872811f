"""``python -m pwrbot`` is the command ``pwrbot``."""

import sys

from pwrbot.cli import main

if __name__ == "__main__":
    sys.exit(main())
