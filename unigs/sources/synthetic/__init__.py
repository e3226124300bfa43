"""The synthetic long-haired speaker, with its ground truth."""
