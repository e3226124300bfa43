"""Data sets of other systems, taken in and given out."""
