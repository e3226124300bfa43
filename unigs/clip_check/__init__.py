"""A candidate clip before anything is made of it: what it is worth, what to put right."""
