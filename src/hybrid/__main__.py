"""Makes `python -m hybrid` the same as the `hybrid` command."""

from hybrid.cli import run

if __name__ == "__main__":
    run()
