"""Label video and background plate: results/*/regions."""
