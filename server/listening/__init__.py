"""Where clients come in: what is listened on, and who of those who knock is accepted."""
