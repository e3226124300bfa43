"""The table of voices: whose portraits hear whom, and which recordings have known phones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from unigs.settings.dynamic import DynamicSettings
from unigs.settings.subject import Subject
from unigs.stage.errors import UserError
from unigs.workflow import people, variants
from unigs.workflow.names import ALL, VOICES
from unigs.workflow.sections import complete
from unigs.workflow.sheet import SYNTHETIC, is_synthetic

LIPS = f"results/tables/{VOICES}/lips.csv"
"""What lips alone make of every voice."""


@dataclass(frozen=True)
class Voices:
    """What the configuration asks the table of voices to hold."""

    variant: str
    """The variant whose portraits hear other people."""
    subjects: tuple[str, ...]
    """Subjects of the sheet, each person once: portraits and voices alike. Imported ones without
    sound, or with the speech features of another system, are none."""
    rendered: tuple[tuple[str, str], ...]
    """Pairs of portrait and voice whose videos are made and judged."""
    phones: Mapping[str, str]
    """Name of a talking video -> file with the phone times of its sound, or `SYNTHETIC` for the
    synthetic speaker's own."""
    synthetic: frozenset[str]
    """Subjects that are the synthetic speaker, whose own phones are known."""

    def lips(self) -> list[str]:
        """The table of lips alone; nothing where there is one subject."""
        return [LIPS] if len(self.subjects) > 1 else []

    def pairs(self, ending: str) -> list[str]:
        """A file of that ending for each rendered pair."""
        return [f"results/{p}/{self.variant}/voices/{v}{ending}" for p, v in self.rendered]

    def speakers(self, name: str) -> list[str]:
        """Subjects that speak a recording whose phones are known."""
        own = self.phones[name] == SYNTHETIC
        return [s for s in self.subjects if not own or s in self.synthetic]

    def phone_file(self, subject: str, name: str) -> str:
        """File with the phone times of what a subject says in the talking video of that name."""
        own = f"results/{subject}/source/truth.npz"
        return own if self.phones[name] == SYNTHETIC else self.phones[name]

    def closures(self) -> list[str]:
        """Figures of closure of each subject, speaking each recording with known phones."""
        said = [(subject, name) for name in self.phones for subject in self.speakers(name)]
        return [f"results/{s}/{self.variant}/closure/{name}.json" for s, name in said]

    def is_made(self) -> bool:
        """Whether the table has anything to show."""
        return bool(self.lips() or self.closures())


def read_voices(
    config: Mapping[str, Any],
    subjects: Mapping[str, Subject],
    spoken: Iterable[str],
    chains: Mapping[str, list[str]],
) -> Voices:
    """Check the section `voices` of a configuration.

    Args:
        config: a configuration that fits its schema.
        subjects: subjects by name.
        spoken: names of the talking videos.
        chains: variant -> itself and its bases, nearest first.

    Raises:
        UserError: a pair names nobody, or the variant cannot answer the question.
    """
    section, names = config.get("voices", {}), tuple(people.one_each(subjects))
    variant, phones = section.get("variant", ""), section.get("phones", {})
    given = variants.settings(config, "dynamic", chains.get(variant, []))
    dynamic = complete(given, DynamicSettings)
    given = section.get("rendered", [])
    pairs = [(p, v) for p in names for v in names if p != v]
    chosen = pairs if given == ALL else [tuple(pair.split("/")) for pair in given]
    known = {
        f"{portrait}/{voice}"
        for portrait in subjects
        for voice in subjects
        if not people.is_one_person(subjects[portrait], subjects[voice])
    }
    lines = [
        f"configuration: voices.rendered: {pair} is no pair of two people of the sheet: write "
        "portrait/voice."
        for pair in (given if given != ALL else [])
        if pair not in known
    ]
    lines += [
        f"configuration: voices.phones: there is no talking video {name}: name its sound in "
        "videos.audio, too."
        for name in phones
        if name not in spoken
    ]
    if chosen and dynamic["lip_prior"] == "pooled":
        lines.append(
            f"configuration: voices.rendered: the lip prior of variant {variant} is pooled, so its "
            "portraits have heard those voices: name a variant with another prior."
        )
    if (chosen or phones) and not dynamic["lip_code"]:
        lines.append(
            f"configuration: voices.variant: {variant} has no lips from speech to judge: name a "
            "variant with dynamic.lip_code."
        )
    if lines:
        raise UserError("\n".join(lines))
    synthetic = frozenset(name for name, row in subjects.items() if is_synthetic(row))
    return Voices(variant, names, tuple(chosen), phones, synthetic)
