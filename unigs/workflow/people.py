"""Who is another person: rows of the sheet that share a recording show the same one.

Such rows differ in the seconds that they are tested on, or in those that they take.
"""

from collections.abc import Mapping

from unigs.settings.subject import Subject


def recording(subject: Subject) -> str | None:
    """The recording that a row takes its clip from: path, address, or folder of an import."""
    return subject.imported or subject.video or subject.url


def is_one_person(first: Subject, second: Subject) -> bool:
    """Whether two rows share a recording."""
    return recording(first) == recording(second)


def others(subjects: Mapping[str, Subject], name: str) -> list[str]:
    """Names of subjects that are another person than one of them, each person once.

    Args:
        subjects: subjects by name.
        name: that one.
    """
    return [x for x in one_each(subjects) if not is_one_person(subjects[x], subjects[name])]


def one_each(subjects: Mapping[str, Subject]) -> list[str]:
    """Name of the first row of every recording.

    Args:
        subjects: subjects by name.
    """
    firsts: dict[str | None, str] = {}
    for name, subject in subjects.items():
        firsts.setdefault(recording(subject), name)
    return list(firsts.values())
