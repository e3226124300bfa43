"""Where clips come from: downloads, and the synthetic speaker."""
