"""Head pose of every frame and the person's face shape: results/*/face/pose.npz."""
