"""The `hybrid` command, and `python -m hybrid`, which is the same."""

from hybrid.bridge.imports import without_collection


def main() -> None:
    """Run the command; see :mod:`hybrid.cli`."""
    with without_collection():
        from hybrid.cli import run
    run()


if __name__ == "__main__":
    main()
