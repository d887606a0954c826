"""What may be expected of a check: facts, each of which says what was seen instead when it does not hold."""
