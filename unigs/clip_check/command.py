"""The command `unigs check-clip`: what a candidate clip is worth, and what to put right."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

WIDTH = 100
"""Columns of the printed text."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.description = (
        "Look at a video before a portrait is made of it: length, size of the face, hair, motion "
        "of the head, hands, cuts, background, sound. Says in words what to put right "
        "(docs/collecting_clips.md), and ends with exit code 0 whatever it finds."
    )
    parser.add_argument("video", metavar="VIDEO", type=Path, help="any video file")
    parser.add_argument("--crop", default="", help="area w:h:x:y in pixels, as in the sheet")
    parser.add_argument("--start", type=float, help="first second")
    parser.add_argument("--stop", type=float, help="last second")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures and findings too")
    parser.set_defaults(run=run)


def run(words: argparse.Namespace) -> None:
    """Print what is found.

    Raises:
        UserError: there is no such file, or it holds no video.
    """
    # Not for --help, which needs no NumPy.
    from unigs.clip_check.advice import judge, score, verdict
    from unigs.clip_check.measure import measure_clip
    from unigs.stage.files import write_json

    figures = measure_clip(words.video, words.crop, words.start, words.stop)
    findings = judge(figures)
    for finding in findings:
        text = f"{finding.about}: {finding.found}."
        text += f" To do: {finding.remedy}." if finding.remedy else ""
        print(textwrap.fill(text, WIDTH, initial_indent=f"{finding.grade:5} ",
                            subsequent_indent=" " * 6, break_on_hyphens=False))  # fmt: skip
    marks, sentence = score(figures, findings), verdict(figures, findings)
    print(f"\n{marks} of 100. {sentence}")
    if words.json:
        write_json(
            words.json,
            {
                "video": words.video.name,
                "score": marks,
                "verdict": sentence,
                "figures": figures.to_dict(),
                "findings": [vars(finding) for finding in findings],
            },
        )
