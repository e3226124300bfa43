"""Learns the lip prior that the package ships, from synthetic speech alone."""
