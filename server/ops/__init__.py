"""What the people who operate a server look at: logs of accesses and of events."""
