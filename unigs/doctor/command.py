"""The command `unigs doctor`: the machine, or a portrait and its clip, in words."""

import argparse
import logging
from pathlib import Path

from unigs.doctor.finding import report
from unigs.stage.errors import UserError
from unigs.workflow.portrait_files import USUAL

log = logging.getLogger("unigs")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `unigs doctor`.

    Args:
        parser: parser of what stands behind `unigs doctor`.
    """
    parser.description = (
        "Without a folder: what this machine has and lacks, what that costs, and how to get it. "
        "With one: what is wrong with a clip or a portrait, and what to do about it."
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, help="results/NAME, or results/NAME/VARIANT"
    )
    parser.set_defaults(run=lambda words: examine(words.folder))


def examine(folder: Path | None) -> None:
    """Print what is found.

    Args:
        folder: a subject's folder of results or one of its variants'; None: the machine.

    Raises:
        UserError: the folder is no subject's, or a file in it is damaged.
    """
    print(machine_report() if folder is None else results_report(folder))


def machine_report() -> str:
    """What this machine has and lacks, as text."""
    from unigs.doctor.advice import advise
    from unigs.doctor.machine import look
    from unigs.workflow.home import home

    log.info("The workflow, its presets and profiles lie in %s.", home())
    return report(advise(look()))


def results_report(folder: Path) -> str:
    """What is wrong with a clip and with one portrait of it, as text.

    Args:
        folder: results/SUBJECT, whose variant `USUAL` or else first one is judged, or
            results/SUBJECT/VARIANT.

    Raises:
        UserError: the folder is no subject's, or a file in it is damaged.
    """
    from unigs.doctor.clip import judge_clip
    from unigs.doctor.figures import read_clip, read_fit
    from unigs.doctor.fit import judge_fit

    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: name a subject's folder in results.")
    subject, variant = _split(folder)
    findings = list(judge_clip(read_clip(subject)))
    if variant is None:
        log.info("%s: no variant is trained yet, the clip alone is judged.", subject)
    else:
        log.info("%s, variant %s", subject, variant.name)
        findings += judge_fit(read_fit(variant))
    return report(findings)


def _split(folder: Path) -> tuple[Path, Path | None]:
    """A subject's folder, and that of the variant that is judged, if one is there."""
    if any((folder / name).is_dir() for name in ("dynamic", "static")):
        return folder.parent, folder
    variants = sorted(
        {path.parent for name in ("dynamic", "test") for path in folder.glob(f"*/{name}")}
    )
    usual = folder / USUAL
    if usual in variants:
        return folder, usual
    return folder, variants[0] if variants else None
