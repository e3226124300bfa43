"""What every stage shares: command line, files, errors, progress."""
