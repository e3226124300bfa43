"""The command `unigs export`: web pages, AD-NeRF's layout, tri-planes, Gaussians as .ply."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from unigs.exchange.grids.command import add_grids
from unigs.exchange.ply.command import add_ply
from unigs.web.command import add_html
from unigs.workflow.portrait_files import portrait_files

log = logging.getLogger("unigs")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line, one word for each format."""
    formats = parser.add_subparsers(title="formats", metavar="FORMAT", required=True)
    add_html(formats)
    add_lineage(formats)
    add_grids(formats)
    add_ply(formats)


def add_lineage(formats: argparse._SubParsersAction) -> None:
    """Describe `lineage` among the formats of `unigs export`."""
    about = (
        "Write a prepared subject as the folder that AD-NeRF, RAD-NeRF, ER-NeRF, TalkingGaussian "
        "and GaussianTalker train on, so that they run on the same frames and split."
    )
    parser = formats.add_parser("lineage", help="AD-NeRF's layout", description=about)
    parser.add_argument("subject", metavar="SUBJECT", type=Path, help="its folder: results/NAME")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to write")
    parser.add_argument(
        "--variant",
        help="take the poses that the training of this variant has refined, not those of the "
        "landmarks",
    )
    parser.set_defaults(run=run)


def run(words: argparse.Namespace) -> None:
    """Export a subject; what a reader has to know goes to the log.

    Raises:
        UserError: the folder is there already, or the subject is not prepared.
    """
    # Not for --help, which needs no NumPy.
    from unigs.exchange.lineage.give import Prepared, export_lineage

    pose = words.subject / "face/pose.npz"
    if words.variant:
        pose = portrait_files(words.subject, words.variant).pose
    record = export_lineage(Prepared(words.subject, pose), words.out)
    frames = record["frames"]
    log.info(
        "%s: %d pictures, %d to train on and %d held out; %d frames do not count", words.out,
        frames["pictures"], frames["train"], frames["test"], frames["left_out"],
    )  # fmt: skip
    for note in record["notes"]:
        log.info("  %s", note)
