"""The command `unigs stage`: every stage by the name of its rule, to be run by hand."""

import importlib
import sys
from collections.abc import Sequence

from unigs.stage.errors import UserError

STAGES = {
    "fetch_video": "unigs.sources.fetch",
    "fetch_model": "unigs.pretrained.fetch",
    "make_speaker": "unigs.sources.synthetic.speaker",
    "crop_clip": "unigs.prepare.clip.crop",
    "detect_landmarks": "unigs.prepare.face.landmarks",
    "screen_clip": "unigs.prepare.clip.screen",
    "extract_audio": "unigs.prepare.speech.extract",
    "encode_speech": "unigs.prepare.speech.encode",
    "run_openface": "unigs.prepare.face.openface",
    "measure_eyes": "unigs.prepare.face.eyes",
    "fit_pose": "unigs.prepare.pose.fit",
    "segment_regions": "unigs.prepare.regions.segment",
    "track_body": "unigs.prepare.body.track",
    "compile_kernels": "unigs.train.compile_kernels",
    "train_static": "unigs.train.static",
    "pool_lips": "unigs.lips.pool",
    "train_dynamic": "unigs.train.dynamic",
    "render_test": "unigs.evaluate.render",
    "evaluate": "unigs.evaluate.score",
    "place_render": "unigs.evaluate.place_render",
    "compare": "unigs.evaluate.compare",
    "measure_speed": "unigs.evaluate.speed",
    "drive": "unigs.drive.speak",
    "export_player": "unigs.web.export",
    "compare_voices": "unigs.evaluate.voices",
    "judge_voice": "unigs.evaluate.foreign_voice",
    "judge_closure": "unigs.evaluate.spoken",
    "draw_sheet": "unigs.report.preparation",
    "draw_test_sheet": "unigs.report.sheet",
    "draw_moments": "unigs.report.moments",
    "plot": "unigs.report.figures",
    "write_card": "unigs.report.card",
    "collate": "unigs.report.tables",
    "plot_sweep": "unigs.report.sweep",
    "collate_voices": "unigs.report.voices",
    "gallery": "unigs.report.gallery",
}
"""Stage, in the order of a portrait's making -> module whose function of that name it is."""


def run(words: Sequence[str]) -> None:
    """Run a stage and exit, as `python -m MODULE` does; without a name list the stages.

    Args:
        words: name of the stage, then its flags.

    Raises:
        UserError: there is no stage of that name.
    """
    name, *flags = words or ["--help"]
    if name in ("-h", "--help"):
        print(_listed())
        return
    if name not in STAGES:
        raise UserError(f"there is no stage {name}: unigs stage lists them.")
    # Not for the list, which needs no NumPy.
    from unigs.stage import cli

    stage = getattr(importlib.import_module(STAGES[name]), name)
    sys.argv[0] = f"unigs stage {name}"  # what --help calls the program
    cli.run(stage, flags)


def _listed() -> str:
    """What `unigs stage` says by itself."""
    width = max(map(len, STAGES))
    lines = [f"  {name:{width}}  python -m {module}" for name, module in STAGES.items()]
    return "\n".join(["usage: unigs stage NAME [FLAGS]; unigs stage NAME --help", "", *lines])
