"""The clip's sound and its speech features: results/*/speech."""
