"""What programs write into documents: a part between two HTML comments, and tables in it."""

from collections.abc import Iterable


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


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown, whose cells hold no markup of their own.

    Args:
        head: headings.
        rows: cells.
    """
    head = list(head)
    lines = [head, ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
