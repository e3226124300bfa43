"""The parts of a document that are made by a program, between two HTML comments."""


def fill(text: str, name: str, content: str) -> str:
    """A document with its part of that name made anew.

    Args:
        text: the document; it holds `<!-- name: begin -->` and `<!-- name: end -->`.
        name: name of the part.
        content: what is to stand between the two comments.

    Raises:
        ValueError: the document lacks one of the comments.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if begin not in text or end not in text.split(begin, 1)[1]:
        raise ValueError(f"no part {name} between {begin} and {end}")
    head, rest = text.split(begin, 1)
    return f"{head}{begin}\n{content}\n{end}{rest.split(end, 1)[1]}"
