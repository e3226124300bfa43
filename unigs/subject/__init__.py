"""One subject: its files between stages, and the data set that training reads."""
