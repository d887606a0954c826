"""Makes `python -m hybrid` the same as the `hybrid` command."""

from hybrid.cli import main

if __name__ == "__main__":
    main(prog_name="hybrid")
