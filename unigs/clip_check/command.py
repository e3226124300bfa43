"""The command `unigs check-clip`: what a candidate clip is worth, and what to put right."""

from __future__ import annotations

import argparse
from pathlib import Path


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
    from unigs.stage.printed import finding_text

    figures = measure_clip(words.video, words.crop, words.start, words.stop)
    findings = judge(figures)
    for finding in findings:
        told = f"{finding.about}: {finding.found}"
        print(finding_text(finding.grade, told, finding.remedy))
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
