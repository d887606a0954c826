# What hybrid uses of gunicorn, which ships no types.

__version__: str
