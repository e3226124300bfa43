"""The one exception that people are meant to read."""


class UserError(Exception):
    """Something in the input that a person can put right.

    The message is one clear sentence: which file, what is wrong, what to do.
    """
