"""The site that `make docs` makes of the documents."""
