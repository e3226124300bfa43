"""What a configuration asks for: whose portraits, in which variants, for which tables and videos.

All paths are relative to the working directory, where the results are. Those that a rule lists
Snakemake itself moves below the prefix of a module; others `Plan.place` moves.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unigs.pretrained import catalogue
from unigs.pretrained.auto import CHOICES, SPEECH_MODEL, hears_best, settle
from unigs.settings.subject import PROVENANCE, Subject
from unigs.stage.errors import UserError
from unigs.workflow import downloads, origins, people, sheet, sounds, variants
from unigs.workflow.checks import check
from unigs.workflow.flags import as_flags
from unigs.workflow.imports import hearing
from unigs.workflow.names import VOICES, check_model_files, check_names, files_of, run_tables
from unigs.workflow.paths import Place
from unigs.workflow.player_limits import has_page
from unigs.workflow.sections import MODEL_FILES, PER_VARIANT, SECTIONS, complete, settled
from unigs.workflow.tables import Tables
from unigs.workflow.voices import Voices, read_voices

SCHEMA = "workflow/schemas/config.schema.yaml"
"""Schema of the configuration, as seen from the workflow's home."""
PLOTS = ("curve", "quality", "motion", "regions")
"""Plots of a run."""
SHEETS = ("sheet", "curves")
"""Pictures of a subject's preparation."""
POOLED = "pooled"
"""What `dynamic.lip_prior` says for a prior from the other subjects."""
PLACE_OF_SUBJECT = "{subject}"
"""What stands in the path of a sound for the name of the subject that speaks it."""


@dataclass(frozen=True)
class Plan(Tables):
    """The choices of a checked configuration (`read_plan`), as the rules need them."""

    config: Mapping[str, Any]
    """The configuration."""
    home: Path
    """Folder of the workflow's own files (`unigs.workflow.home`)."""
    subjects: Mapping[str, Subject]
    """Subjects by name."""
    chains: Mapping[str, list[str]]
    """Variant -> itself and its bases, nearest first."""
    voices: Voices
    """What the table of voices holds."""
    spoken: Mapping[str, str]
    """Name of a talking video -> path of its sound, or its name in resources/audio."""
    place: Place = str
    """Where what the workflow makes lies (`unigs.workflow.paths`)."""

    def settings(
        self, section: str, variant: str | None = None, reader: type | None = None
    ) -> dict[str, Any]:
        """The settings of a stage, complete and settled, in the order of their dataclass.

        Where a setting is `auto`, it is the path of the pretrained weights if they are there.

        Args:
            section: name of a section.
            variant: the variant whose overrides and those of its bases apply; None: no overrides.
            reader: dataclass of those settings of the section that the stage reads; None: all.
        """
        return settle(section, self._as_given(section, variant, reader))[0]

    def _as_given(
        self, section: str, variant: str | None = None, reader: type | None = None
    ) -> dict[str, Any]:
        """The same with every `auto` that is left to the catalogue of weights."""
        given = variants.settings(self.config, section, self.chains.get(variant, []))
        return settled(section, complete(given, reader or SECTIONS[section]))

    def model_files(self, section: str, variant: str | None = None) -> list[str]:
        """Files that people supply and that a section's settings name."""
        settings = self.settings(section, variant)
        named = [settings[name] for name in MODEL_FILES[section] if settings.get(name)]
        return [file for path in named for file in files_of(path)]

    def accept_flags(self, model: str) -> str:
        """The flag that accepts the terms of pretrained weights, if the configuration does.

        Raises:
            UserError: the weights have terms, and the configuration does not accept them.
        """
        entry, accepted = catalogue.model(model), self.config.get("accept", ())
        catalogue.check_accepted(entry, accepted)
        return as_flags({"accept": model} if entry.terms else {})

    def missing_models(self) -> list[str]:
        """A sentence for each of the pretrained weights that runs would use and that are not there.

        Where a setting names a file, a missing one is an error instead.
        """
        speech = complete(variants.settings(self.config, "speech", []), SECTIONS["speech"])
        missing = [] if hears_best(speech["backend"], speech["model"]) else [SPEECH_MODEL]
        missing += [name for part in self._readers() for name in settle(*part)[1]]
        return [catalogue.not_there(name) for name in dict.fromkeys(missing)]

    def _readers(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Sections that may leave a file to the catalogue, with their settings, by variant."""
        for section in CHOICES:
            for variant in self.trained() if section in PER_VARIANT else (None,):
                yield section, self._as_given(section, variant)

    def trained(self) -> list[str]:
        """The variants of the tables that are made, each once."""
        chosen = [self._variants(table) for table in self.tables()]
        if self.has_voices() and (self.voices.rendered or self.voices.closures()):
            chosen.append([self.voices.variant])
        return list(dict.fromkeys(name for names in chosen for name in names))

    def sheet_flags(self, subject: str, columns: tuple[str, ...]) -> str:
        """Flags of those columns of the sheet that are filled in for a subject."""
        row = dataclasses.asdict(self.subjects[subject])
        return as_flags({name: row[name] for name in columns if row[name] is not None})

    def speaker_flags(self, subject: str) -> str:
        """Flags of the synthetic speaker that a subject is, with the seed that the sheet names."""
        return as_flags(self.settings("demo") | sheet.speaker_seed(self.subjects[subject]))

    def source_video(self, subject: str) -> str:
        """Path of the video that a subject's clip is cut from."""
        return sheet.source_video(self.subjects[subject])

    def check_downloads(self) -> None:
        """Stop if a video that was downloaded is not the sheet's (`unigs.workflow.downloads`)."""
        downloads.check_downloads(self.subjects, self.place)

    def record_origins(self) -> None:
        """Write down which videos the results are made from (`unigs.workflow.origins`)."""
        origins.record_origins(self.subjects, self.place)

    def static_folder(self, subject: str, variant: str) -> str:
        """Folder of the static portrait that a variant uses: its own, or its base's."""
        owner = variants.static_owner(self.config["variants"], self.chains[variant])
        return f"results/{subject}/{owner}/static"

    def dynamic_folder(self, subject: str, variant: str) -> str:
        """Folder of the finished portrait that a variant uses: its own, or its base's."""
        owner = variants.dynamic_owner(self.config["variants"], self.chains[variant])
        return f"results/{subject}/{owner}/dynamic"

    def others(self, subject: str, file: str | None = None) -> list[str]:
        """Other people whose speech is heard here: names of subjects, or that file of each."""
        able = {subject: self.subjects[subject]} | hearing(self.subjects)
        names = people.others(able, subject)
        return names if file is None else [f"results/{name}/{file}" for name in names]

    def pooled_prior(self, subject: str, variant: str) -> list[str]:
        """The lip prior that the other subjects teach, for variants that want it; else nothing.

        Raises:
            UserError: there is no other subject.
        """
        if self.settings("dynamic", variant)["lip_prior"] != POOLED:
            return []
        if not self.others(subject):
            raise UserError(
                f"variant {variant}: dynamic.lip_prior is {POOLED}, but there is nobody beside "
                f"{subject} to learn from: add rows to the sheet, or choose shipped."
            )
        return [f"results/{subject}/speech/lip_prior.safetensors"]

    def driving_audio(self, subject: str, name: str) -> str:
        """Path of the sound of a subject's talking video."""
        path = sounds.driving_audio(name, self.spoken.values())
        return path.replace(PLACE_OF_SUBJECT, subject)

    def has_voices(self) -> bool:
        """Whether the table of voices is made."""
        return VOICES in run_tables(self.config) and self.voices.is_made()

    def portraits(self) -> list[str]:
        """The finished portraits of all tables."""
        folders = (Path(path).parts[1:3] for path in self.runs(""))
        found = (f"{self.dynamic_folder(*names)}/portrait.safetensors" for names in folders)
        return list(dict.fromkeys(found))

    def earlier_runs(self) -> list[str]:
        """Figures (metrics.json) of finished runs in results that no table asks for."""
        return self._others("*/*/test/metrics.json", self.judged("test/metrics.json"))

    def earlier_drives(self) -> list[str]:
        """Talking videos in results that the configuration does not ask for."""
        return self._others("*/*/drive/*.mp4", self.driven_videos())

    def _others(self, pattern: str, planned: list[str]) -> list[str]:
        """Files of a pattern, seen from results, that are there and that no rule is to make."""
        known = set(map(self.place, planned))
        found = sorted(str(path) for path in Path(self.place("results/")).glob(pattern))
        return [path for path in found if path not in known]

    def foreign_voices(self) -> list[str]:
        """Videos of portraits that the sounds of other subjects' clips drive."""
        return self.voices.pairs(".mp4") if self.has_voices() else []

    def table_earlier(self, table: str) -> list[str]:
        """Finished runs that stay in a table when portraits of single clips are made in turn.

        A sheet says itself who is in its tables; for a clip all that were made from clips are.
        """
        if not self.config.get("clip"):
            return []
        chosen = self.config["tables"][table]["variants"]
        return [
            path
            for path in self.earlier_runs()
            if Path(path).parts[-3] in chosen and origins.is_own(Path(path).parents[2])
        ]

    def plots(self) -> list[str]:
        """All plots of all runs, those of a run together."""
        return [f"{folder}/{name}.svg" for folder in self.runs("figures") for name in PLOTS]

    def preparation(self) -> list[str]:
        """The pictures of every subject's preparation."""
        return [f"results/{s}/figures/{name}.png" for s in self.subjects for name in SHEETS]

    def player_sound(self, subject: str) -> str:
        """Path of the sound of a subject's page: that of a talking video, else its own."""
        for name in self.spoken:
            return self.driving_audio(subject, name)
        return f"results/{subject}/speech/audio.wav"

    def players(self) -> list[str]:
        """The page of each run that speaks and has one, in the talking videos' variants."""
        able, talking = hearing(self.subjects), self.config["videos"]["variants"]
        parts = {name: [self.settings(s, name) for s in ("static", "dynamic")] for name in talking}
        drawn = [name for name in talking if has_page(*parts[name])]
        pages = [(path, path.split("/")) for path in self.runs("player.html")]
        return [path for path, part in pages if part[1] in able and part[2] in drawn]

    def driven_videos(self) -> list[str]:
        """Every subject that can, speaking each of the configured sounds."""
        return [
            f"results/{subject}/{variant}/drive/{name}.mp4"
            for subject in hearing(self.subjects)
            for variant in self.config["videos"]["variants"]
            for name in self.spoken
        ]


def read_plan(config: Mapping[str, Any], home: Path, place: Place = str) -> Plan:
    """Check a configuration, its sheet of subjects and the files that it names.

    Args:
        config: the configuration, presets and overrides merged.
        home: folder of the workflow's own files (`unigs.workflow.home`).
        place: where what the workflow makes lies (`unigs.workflow.paths`).

    Raises:
        UserError: configuration, sheet or variants are at fault, a model's file is missing, or
            results of another video would be replaced.
    """
    check(config, home / SCHEMA, "configuration")
    check_names(config)
    config = variants.with_seeds(config)
    if config.get("clip"):
        told = {name: config.get(name, "") for name in PROVENANCE}
        rows = [sheet.one_clip(config["clip"], config.get("name"), **told)]
    else:
        rows = sheet.read_sheet(config["subjects"], home)
    audio = [config["audio"]] if config.get("audio") else []
    subjects = sheet.checked_subjects(rows, config["subjects"], home)
    replace = config.get("replace") or []
    origins.check_origins(subjects, [replace] if isinstance(replace, str) else replace, place)
    chains = {name: variants.bases(config["variants"], name) for name in config["variants"]}
    spoken = sounds.spoken([*config["videos"]["audio"], *audio])
    plan = Plan(
        config=config,
        home=home,
        subjects=subjects,
        chains=chains,
        voices=read_voices(config, hearing(subjects), spoken, chains),
        spoken=spoken,
        place=place,
    )
    plan.check_sweeps()
    check_model_files(_named_files(plan), config.get("accept", ()))
    return plan


def _named_files(plan: Plan) -> dict[str, str]:
    """Name of each setting that is the path of a file -> that path, as the runs have it."""
    # No inputs of a rule: Snakemake would keep a checksum of the key.
    drive = plan.settings("drive")
    found = {f"drive.{name}": drive[name] for name in ("certificate", "private_key")}
    for section, names in MODEL_FILES.items():
        shared = plan.settings(section)
        found |= {f"{section}.{name}": shared.get(name, "") for name in names}
        for variant in plan.trained() if section in PER_VARIANT else ():
            own = plan.settings(section, variant)
            changed = [name for name in names if own.get(name) != shared.get(name)]
            found |= {f"variants.{variant}.{section}.{name}": own.get(name, "") for name in changed}
    return found
