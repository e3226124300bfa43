"""Ten played frames of a dynamic portrait: the player, its parts, and the way without it."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from benchmarks import harness
from benchmarks.parts import by_part
from benchmarks.raster import FORWARD_FLOPS
from benchmarks.subjects import moving_portrait, scene_of, subject
from benchmarks.torch_renderer import render
from unigs.compute.threads import get_threads
from unigs.model.anchor import Body
from unigs.model.motion import Motion
from unigs.model.portrait import Portrait, PosedField
from unigs.playback import cpu_player as player
from unigs.playback.cues import cues
from unigs.playback.network import PlaybackDeformation
from unigs.playback.play import Playback
from unigs.render.cpu import PlaybackRasterizer
from unigs.subject.performance import Performance

FRAMES = 10
"""Frames of the clip that each call plays: times are those of all of them."""
GROUP = "Ten frames of a talking portrait"


def with_player(playback: Playback, clip: Performance) -> np.ndarray:
    """The clip as people play it; the last frame."""
    *_, last = playback.clip(clip)
    return last


def one_by_one(playback: Playback, clip: Performance) -> np.ndarray:
    """The frames one after another, each on all threads, as a live source has them; the last."""
    *_, last = (playback.cue(cue) for cue in cues(playback.portrait, clip))
    return last


def posed(portrait: Portrait, clip: Performance, frame: int) -> PosedField:
    """The field of one frame as training poses it."""
    R, t, torso_R, torso_t, outline, eyes, speech = (
        torch.from_numpy(rows[frame])
        for rows in (
            clip.head.R, clip.head.t, clip.torso.R, clip.torso.t, clip.outline, clip.eyes,
            clip.speech,
        )
    )  # fmt: skip
    audio = portrait.motion.hear(speech[None])[0]
    return portrait.pose(R, t, audio, eyes, Body(torso_R, torso_t, outline))


@torch.no_grad()
def without_player(portrait: Portrait, clip: Performance) -> np.ndarray:
    """The clip frame by frame as training renders it; the last frame."""
    for frame in range(len(clip)):
        (rendering,) = portrait.render([posed(portrait, clip, frame)])
        image = (rendering.image.clamp(0, 1) * 255).round().byte().numpy()
    return image


def difference(a: np.ndarray, b: np.ndarray) -> str:
    """Largest difference of two frames, of 255 levels."""
    return f"differs by at most {np.abs(a.astype(int) - b).max()} of 255"


def parts() -> list[tuple[object, str, str | Callable]]:
    """The functions that make a frame."""
    kernels = {
        player.pose: "pose, activate, color",
        player.over_plate_kernel: "over the plate, to bytes",
    }
    return [
        (Motion, "hear", "hear"),
        (Motion, "network_inputs", "network inputs"),
        (PlaybackDeformation, "apply", "deformation network, blendshapes"),
        (player, "parallel_for", lambda kernel, *_: kernels[kernel]),
        (PlaybackRasterizer, "render", "project and rasterize"),
    ]


def bound(portrait: Portrait, clip: Performance, report: harness.Report, row: harness.Row) -> dict:
    """The least processor time of one frame: its multiply-adds at the machine's peak rate."""
    scene = scene_of(portrait, posed(portrait, clip, len(clip) - 1))
    _, pairs = render(scene)
    net = portrait.motion.deformation
    width, outputs = net.hidden.out_features, net.output.out_features
    count = len(portrait.gaussians)
    shapes = len(net.face_shapes.basis) + len(net.pose_shapes.basis)
    network = 2 * count * (width * width + width * outputs + shapes * outputs)
    flops = pairs * FORWARD_FLOPS + network
    bound_ms = flops / (report.machine["peak_gflops_per_core"] * 1e6)
    return {
        "threads": get_threads(),
        "gaussians": count,
        "size": portrait.size,
        "pairs": pairs,
        "raster_mflop": pairs * FORWARD_FLOPS / 1e6,
        "network_mflop": network / 1e6,
        "bound_ms": bound_ms,
        "cpu_over_bound": row.cpu_ms / FRAMES / bound_ms,
    }


def bench_all(report: harness.Report, sizes: harness.Sizes) -> None:
    """All sizes: both ways in turns, the parts of the player's, the bound.

    Torch keeps to one thread beside the kernels' threads, as wherever a portrait is played.
    """
    torch.set_num_threads(1)
    for size in sizes.sizes:
        dataset = subject(size)
        for count in sizes.counts:
            portrait, clip = moving_portrait(dataset, count), dataset.performance[:FRAMES]
            playback = Playback(portrait)
            words = f"{count} Gaussians, {size} px"
            rows = harness.compare(
                GROUP,
                words,
                {
                    "player": partial(with_player, playback, clip),
                    "player, frame by frame": partial(one_by_one, playback, clip),
                    "without": partial(without_player, portrait, clip),
                },
                seconds=sizes.seconds,
                agreement=difference,
            )
            report.rows += rows
            one = partial(one_by_one, playback, clip)
            report.rows += by_part(
                f"{GROUP} by part", words, one, parts(), seconds=sizes.seconds / 2
            )
            with torch.no_grad():
                report.facts.append(bound(portrait, clip, report, rows[0]))


main = partial(harness.run, "playback", bench_all, 1.0)

if __name__ == "__main__":
    main()
