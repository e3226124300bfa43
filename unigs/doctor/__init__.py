"""What is missing on a machine, and what is wrong with a clip or a fit, in words."""
