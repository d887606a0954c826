"""The load generator, `python -m benchmarks.loads PLAN`: a process of its own, a client for each kind."""
