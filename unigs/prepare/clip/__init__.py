"""The cropped clip and its frame table: results/*/clip."""
