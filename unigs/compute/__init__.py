"""Where the work runs: compiler options, threads and devices."""
