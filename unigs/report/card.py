"""Stage write_card: the model card beside a portrait, `dynamic/card.md`.

Markdown for people, with YAML in front of it for programs, in the form of Hugging Face's model
cards: consent and origin, back-ends, figures, what the portrait is for and what it is not for. What
is not known is said to be unknown.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

import unigs
from unigs.evaluate import catalogue
from unigs.evaluate.catalogue import Figure
from unigs.evaluate.records import STATIC, find
from unigs.evaluate.runs import Run, read_runs
from unigs.provenance.clip import INTENDED_USE, MISUSE, UNTOLD, Provenance, provenance_of
from unigs.report.cells import GONE, duration
from unigs.stage import cli
from unigs.stage.checksum import checksum
from unigs.stage.errors import UserError
from unigs.stage.files import read_json, write_text

NOT_TOLD = "not told"
"""What stands for what nobody filled in."""
NO_CONSENT = (
    "**Nobody wrote down that the person agreed.** Until `consent` says how (in the sheet, or "
    "--consent of unigs portrait), show videos of this portrait to nobody but the person."
)
"""What is said where the consent is not told."""
TAGS = ["talking-head", "audio-driven", "gaussian-splatting", "synthetic-media"]
"""Words that catalogues of models look for."""
LIMITS = (
    "It knows one person, in the light, clothes and hair of one clip, from the front; it turns no "
    "further than the person did there.",
    "Head motion and blinks of a driven video are those of the clip, not of the recording.",
    "Sounds and faces that the clip lacks are guesses; the figures above are of frames like those "
    "it learned from.",
)
"""What a portrait cannot do."""
SIGNS = (
    "Videos of `unigs drive` carry a signed C2PA manifest, metadata and, unless a recorded setting "
    "turned it off, a visible mark; `unigs verify VIDEO` reads them back. Leave them in."
)
"""How its videos are told from recordings."""


def write_card(
    portrait: Path,
    run: Path,
    metrics: Path,
    speed: Path,
    out: Path,
    provenance: Provenance = UNTOLD,
) -> None:
    """Write the model card of a portrait.

    Args:
        portrait: the portrait (.safetensors).
        run: run.json of its training.
        metrics: metrics.json of its test frames, in {subject}/{variant}/test.
        speed: speed.json beside it.
        out: card to write (.md).
        provenance: where the clip is from and by whose leave; what is not told is taken from
            run.json.

    Raises:
        UserError: a file is missing or damaged.
    """
    if not Path(portrait).is_file():
        raise UserError(f"{portrait} does not exist: train the portrait first.")
    judged = read_runs((metrics,), (speed,))[0]
    record = read_json(run)
    clip = provenance.over(provenance_of(record))
    facts = front_matter(judged, record, clip, portrait)
    head = yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=100)
    write_text(out, f"---\n{head}---\n\n{body(judged, facts)}")


def read_card(path: Path) -> dict:
    """What the YAML of a card says; empty if the file is no card.

    Args:
        path: a card.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    parts = re.split(r"^---$", text, maxsplit=2, flags=re.MULTILINE)
    try:
        found = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0] else None
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def consent_line(card: dict) -> str:
    """What the page says of consent and origin: one line.

    Args:
        card: what `read_card` returned.
    """
    own = card.get("unigs")
    told = own.get("clip") if isinstance(own, dict) else None
    found = told if isinstance(told, dict) else {}
    names = ("consent", "source", "license")
    return " · ".join(f"{name}: {found.get(name) or NOT_TOLD}" for name in names)


def front_matter(run: Run, record: dict, clip: Provenance, portrait: Path) -> dict:
    """What programs read: keys of Hugging Face's model cards, and `unigs` with the rest.

    Args:
        run: the figures.
        record: content of run.json.
        clip: where the clip is from and by whose leave.
        portrait: the portrait's file.
    """
    metrics = [
        {"type": figure.key, "name": _name(figure), "value": round(value, 6)}
        for figure in catalogue.FIGURES
        if (value := run.shown(figure)) is not None
    ]
    results = {
        "task": {"type": "talking-portrait", "name": "Talking portrait from speech"},
        "dataset": {
            "type": "own-clip",
            "name": f"test frames of {run.subject}",
            "split": f"{run.metrics['test_frames']} frames, never trained on",
        },
        "metrics": metrics,
    }
    terms = {"license": "other", "license_name": clip.license} if clip.license else {}
    stages = {"static": record.get("static", {}), "dynamic": record}
    return {
        "library_name": "unigs",
        "tags": TAGS,
        **terms,
        "model-index": [{"name": f"{run.subject}/{run.name}", "results": [results]}],
        "unigs": {
            "version": unigs.__version__,
            "portrait": {"file": Path(portrait).name, "sha256": checksum(portrait)},
            "clip": {name: clip.told().get(name) for name in ("source", "license", "consent")},
            "intended_use": INTENDED_USE,
            "misuse": MISUSE,
            "backends": run.metrics.get("backends", {}),
            "landmarks": run.metrics["landmark_backend"],
            "training": run.metrics.get("training", {}),
            "frames": {"test": run.metrics["test_frames"], "train": run.metrics["training_frames"]},
            "size": run.metrics["size"],
            "versions": record.get("versions", {}),
            "settings": {name: _shared(part.get("settings")) for name, part in stages.items()},
        },
    }


def body(run: Run, facts: dict) -> str:
    """What people read, as Markdown.

    Args:
        run: the figures.
        facts: what `front_matter` returned.
    """
    own = facts["unigs"]
    clip = {name: _cell(text or NOT_TOLD) for name, text in own["clip"].items()}
    seconds = own["training"].get("seconds")
    trained = duration(seconds) if seconds is not None else "an unknown time"
    return "\n".join(
        [
            f"# Portrait of {_cell(run.subject)}, variant {_cell(run.name)}",
            "",
            "A talking portrait that UniGS learned from one video: its person can be made to say "
            "what they never said. Everything that it shows is synthetic.",
            "",
            *_section("Consent and origin", [f"- {k}: {v}" for k, v in clip.items()]),
            *([] if own["clip"]["consent"] else [NO_CONSENT, ""]),
            *_section("Meant for", [own["intended_use"]]),
            *_section("Not meant for", [own["misuse"]]),
            *_section("Figures", figure_table(run)),
            *_section("What it cannot do", [f"- {limit}" for limit in LIMITS]),
            *_section("How its videos are known", [SIGNS]),
            *_section("What prepared its clip", _backend_table(own)),
            *_section(
                "Training",
                [
                    f"{own['frames']['train']} frames of {own['size']}x{own['size']} pixels, "
                    f"{trained} on {_cell(own['training'].get('device', 'an unknown device'))}. "
                    "All settings stand in the YAML at the top of this file.",
                    "",
                    f"`{own['portrait']['file']}`, sha256 `{own['portrait']['sha256']}`",
                ],
            ),
        ]
    )


def figure_table(run: Run) -> list[str]:
    """The figures as lines of a Markdown table, empty ones with their reason.

    Args:
        run: the figures.
    """
    pasted = " Their torso is pasted from the true frames." if run.pasted else ""
    lines = [
        f"Of {run.metrics['test_frames']} test frames, which training never saw.{pasted}",
        "",
        "| figure | where | portrait | static model | measured by |",
        "|---|---|---|---|---|",
    ]
    for figure in catalogue.FIGURES:
        value, static = run.shown(figure), run.shown(figure, STATIC)
        row = find(run.rows, figure.metric, figure.region)
        by = (row or {}).get("backend", "") if value is not None else run.why_empty(figure)
        cells = [
            _name(figure),
            figure.region,
            GONE if value is None else figure.text(value),
            GONE if static is None else figure.text(static),
            by if value is not None else f"empty: {by}",
        ]
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    return lines


def _name(figure: Figure) -> str:
    """A figure's name where no other column tells its metric."""
    return f"PSNR, {figure.title}" if figure.metric == "psnr" != figure.key else figure.title


def _backend_table(own: dict) -> list[str]:
    parts = own["backends"] | {"landmarks": own["landmarks"]}
    rows = [f"| {_cell(name)} | {_cell(tool)} |" for name, tool in parts.items()]
    return ["| part | back-end |", "|---|---|", *rows]


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"## {title}", "", *lines, ""]


def _shared(settings: object) -> dict:
    """Settings as they may be given to others: of paths the file's name alone."""
    found = settings if isinstance(settings, dict) else {}
    return {k: Path(v).name if isinstance(v, str) and "/" in v else v for k, v in found.items()}


def _cell(text: object) -> str:
    """Text in which nothing is Markdown's, HTML's or the end of a cell."""
    flat = " ".join(str(text).split())
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", flat)


if __name__ == "__main__":
    cli.run(write_card)
