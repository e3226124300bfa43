"""Who is another person: rows of the sheet that share a recording count as one.

Such rows differ in the seconds that they are tested on, or in those that they take. Two people of
one recording count as one, too: their rows hear the same sound.
"""

from collections.abc import Mapping
from os.path import realpath
from urllib.parse import unquote

from unigs.settings.demo import DemoSettings
from unigs.settings.subject import Subject
from unigs.workflow.sheet import SYNTHETIC, is_synthetic, speaker_seed

FILE = "file://"
"""How the address of a file of this machine begins."""


def recording(subject: Subject) -> str:
    """The recording that a row takes its clip from, the same however the sheet spells it.

    That is the real path of the video or of the imported folder, the address of a download, or the
    made-up speaker with his seed, where the sheet names none the default one.
    """
    if is_synthetic(subject) and not subject.imported:
        return f"{SYNTHETIC}:{speaker_seed(subject).get('seed', DemoSettings().seed)}"
    place = subject.imported or subject.video or subject.url or ""
    local = unquote(place.removeprefix(FILE)) if place.startswith(FILE) else place
    return local if "://" in local else realpath(local)


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
    firsts: dict[str, str] = {}
    for name, subject in subjects.items():
        firsts.setdefault(recording(subject), name)
    return list(firsts.values())
