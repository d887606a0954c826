"""Whether both lanes answer the same: requests, what came of each, and how the two differ."""
