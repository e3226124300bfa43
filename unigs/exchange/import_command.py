"""The command `unigs import`: a folder of AD-NeRF's layout becomes a subject."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

log = logging.getLogger("unigs")

PLACE = Path("resources/imported")
"""Where imports lie unless --out says something else, seen from the working directory."""
DATASET = "imported"
"""Data set of the row that the command prints, unless --dataset names another."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.description = (
        "Take in a folder that AD-NeRF, RAD-NeRF, ER-NeRF, TalkingGaussian or GaussianTalker train "
        "on, with its split and its poses, and print the row of the sheet that uses it."
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="with transforms_train.json")
    parser.add_argument("--name", help="name of the subject; else that of the folder")
    parser.add_argument("--dataset", default=DATASET, help=f"data set of the row ({DATASET})")
    parser.add_argument("--out", type=Path, help=f"folder to write ({PLACE}/NAME)")
    parser.add_argument(
        "--pictures",
        choices=("gt_imgs", "ori_imgs"),
        help="pictures on the plate, on which the systems are trained and judged, or as filmed "
        "(the first that is there)",
    )
    parser.add_argument(
        "--speech",
        choices=("auto", "ours", "theirs"),
        default="auto",
        help="audio features encoded here from the sound, or those of the folder, which no other "
        "recording can be heard with (auto: ours where there is sound)",
    )
    parser.add_argument("--features", type=Path, metavar="FILE", help="audio features (.npy)")
    parser.add_argument(
        "--eyes",
        choices=("auto", "ours", "theirs"),
        default="auto",
        help="action units measured here, or au.csv (auto: au.csv if it is there)",
    )
    parser.add_argument(
        "--regions",
        choices=("ours", "theirs"),
        default="ours",
        help="regions and background found here, or parsing and bc.jpg (ours)",
    )
    parser.add_argument("--audio", type=Path, metavar="FILE", help="sound (aud.wav)")
    parser.add_argument("--fps", type=float, default=25.0, help="pictures per second (25)")
    parser.add_argument("--size", type=int, default=0, help="side in pixels (that of the pictures)")
    parser.set_defaults(run=run)


def run(words: argparse.Namespace) -> None:
    """Import a folder; the row of the sheet goes to stdout.

    Raises:
        UserError: the folder does not fit together, or the import is there already.
    """
    # Not for --help, which needs no NumPy.
    from unigs.exchange.lineage.take import Choices, import_lineage
    from unigs.workflow.sheet import folder_name

    name = folder_name(words.name or words.folder.resolve().name)
    out = words.out or PLACE / name
    record = import_lineage(
        words.folder,
        out,
        Choices(
            words.pictures,
            words.speech,
            words.features,
            words.eyes,
            words.regions,
            words.audio,
            words.fps,
            words.size,
        ),
    )
    frames = record["frames"]
    log.info(
        "%s: %d frames, %d to train on and %d held out", out, frames["all"], frames["train"],
        frames["test"],
    )  # fmt: skip
    for what, whence in record["taken"].items():
        log.info("  %s: %s", what, whence)
    log.info("Add this to the sheet (columns with tabs between), and run as ever:")
    print("subject\tdataset\timported")
    print(f"{name}\t{words.dataset}\t{out}")
