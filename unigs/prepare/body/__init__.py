"""Motion of the torso: results/*/body."""
