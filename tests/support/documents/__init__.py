"""Runs what the documents show: finds the blocks of code of each page, and does what a reader would."""
