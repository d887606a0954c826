"""Django's command line, for this project."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Run a command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_django.settings")
    # The project is a package of this checkout, and is imported from above.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
