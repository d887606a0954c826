"""What becomes of a record: a line of a logger, or a call of what somebody wants instead."""
