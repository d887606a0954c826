"""Side-by-side measurements of hybrid and its peers; `python benchmarks/run.py` prints the table."""
