"""Settings and command line of the static stage for a subject of a few dozen small frames."""

from pathlib import Path

from unigs.provenance.clip import Provenance
from unigs.settings.static import StaticSettings
from unigs.subject.dataset import SubjectFiles

STATIC = StaticSettings(
    iterations=120, points=400, max_gaussians=600, densify_from=40, densify_every=20,
    evaluate_every=60, anchor=True, lambda_alpha=0.1, lambda_anchor=0.1, device="cpu",
)  # fmt: skip

PROVENANCE = Provenance(source="rendered here", license="CC0 1.0")
"""What the static portrait of the tests says of its clip."""

STATIC_RESULTS = ("portrait.safetensors", "pose.npz", "curve.csv", "run.json")
"""Names of the static stage's results, in the order of its parameters."""


def static_words(files: SubjectFiles, out: Path, **settings: object) -> list[str]:
    """Command line of the static stage for a subject without a torso's track.

    Args:
        files: the subject's files.
        out: folder of the results.
        settings: settings by name.
    """
    flags = {
        "video": files.video, "frame_table": files.frame_table, "pose": files.pose,
        "labels": files.labels, "background": files.background, "landmarks": files.landmarks,
        "out": out / STATIC_RESULTS[0], "poses": out / STATIC_RESULTS[1],
        "curve": out / STATIC_RESULTS[2], "record": out / STATIC_RESULTS[3],
        "points": 400, "device": "cpu", **settings,
    }  # fmt: skip
    pairs = [(f"--{name.replace('_', '-')}", f"{value}") for name, value in flags.items()]
    return [word for pair in pairs for word in pair]
