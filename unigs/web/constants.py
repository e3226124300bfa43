"""What the page needs of a portrait, of its clip's motion and of its speech encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unigs.media.audio import RATE
from unigs.model.gaussians import MAX_SCALE
from unigs.model.portrait import Portrait
from unigs.provenance.mark import VisibleMark
from unigs.settings.drive import DriveSettings
from unigs.speech.backends import Spectral, Whisper
from unigs.speech.encoder import SpeechEncoder
from unigs.speech.live import STATE_MS
from unigs.speech.whisper_windows import WINDOW
from unigs.stage.errors import UserError
from unigs.subject.performance import Performance
from unigs.workflow.player_limits import HIDDEN, SH_DEGREE

if TYPE_CHECKING:
    from unigs.speech.whisper import WhisperEncoder

Arrays = dict[str, np.ndarray]

EXACT = frozenset(
    {"gaussians.means", "replay.head_R", "replay.head_t", "replay.torso_R", "replay.torso_t"}
)
"""Arrays that float16 would spoil: a step of it is a quarter of a millimeter at arm's length."""


def portrait_part(portrait: Portrait) -> tuple[dict, Arrays]:
    """Header and arrays of the field, its motion, the plate and the mark.

    Args:
        portrait: with dynamics.

    Raises:
        UserError: a second field, colors of a degree that the player does not draw, or a network
            that is too wide for it.
    """
    if portrait.behind is not None:
        raise UserError(
            "the player draws one field, and this portrait has a field for the head and one for "
            "the torso: make the page of a variant with one field (static.fields one), or a video "
            "of this one (unigs drive)."
        )
    if portrait.gaussians.sh_degree > SH_DEGREE:
        raise UserError(
            f"the player draws colors of degree 0 and 1, and this portrait has degree "
            f"{portrait.gaussians.sh_degree}: train it with static.sh_degree {SH_DEGREE}."
        )
    hidden = portrait.motion.config["hidden"]
    if hidden > HIDDEN:
        raise UserError(
            f"the player's deformation network is {HIDDEN} wide at most, which fills what "
            f"graphics devices have for it, and this portrait's is {hidden}: train it with "
            f"dynamic.hidden {HIDDEN}, or make a video (unigs drive)."
        )
    arrays = {name: value.cpu().numpy() for name, value in portrait.state_dict().items()}
    mark = VisibleMark.of(portrait.size, portrait.size)
    arrays["mark.ink"] = np.concatenate([mark.alpha, mark.color], 2).astype(np.float32)
    net = portrait.motion.deformation
    header = {
        "size": portrait.size,
        "focal": portrait.focal,
        "follows_body": portrait.follows_body,
        "motion": portrait.motion.config,
        "units": [net.position_scale, net.other_scale],
        "largest": MAX_SCALE,
        "mark_corner": [mark.area[1].start, mark.area[0].start],
    }
    return header, arrays


def motion_part(motion: Performance, settings: DriveSettings, units: int) -> tuple[dict, Arrays]:
    """Header and arrays of the piece of the clip that is replayed.

    Args:
        motion: from `unigs.drive.speak.read_motion`.
        settings: section `drive`.
        units: number of action units that the portrait takes.
    """
    arrays = {
        "replay.head_R": motion.head.R.reshape(-1, 9),
        "replay.head_t": motion.head.t,
        "replay.torso_R": motion.torso.R.reshape(-1, 9),
        "replay.torso_t": motion.torso.t,
        "replay.outline": motion.outline,
        "replay.eyes": motion.eyes[:, :units],
    }
    return {"turn": settings.turn_seconds}, {k: np.float32(v) for k, v in arrays.items()}


def speech_part(
    encoder: SpeechEncoder, fps: float, settings: DriveSettings, heard_in_page: bool
) -> tuple[dict, Arrays]:
    """Header and arrays of the speech encoder.

    Args:
        encoder: of the portrait's clip.
        fps: frames per second.
        settings: section `drive`.
        heard_in_page: False leaves Whisper's weights out: then the page speaks its own recording
            alone.
    """
    s, backend = encoder.settings, encoder.backend
    arrays = {"speech.mean": encoder.mean, "speech.std": encoder.std, "speech.quiet": encoder.quiet}
    if encoder.profile is not None:
        arrays |= {f"profile.{name}": value for name, value in vars(encoder.profile).items()}
        if encoder.prior is not None:
            arrays["detector.weight"] = encoder.prior.speech
            arrays["detector.bias"] = np.array([encoder.prior.bias])
    kind, reason, more = _kind(encoder, heard_in_page)
    if kind == "whisper":
        arrays |= _whisper_arrays(backend.listener.net, backend.listener.layer)
        if backend.listener.projection is not None:
            arrays["projection.mean"] = backend.listener.projection.mean
            arrays["projection.matrix"] = backend.listener.projection.matrix
    header = {
        "kind": kind,
        "reason": reason,
        "backend": s.backend,
        "levelDb": s.level_db,
        "stepMs": s.step_ms,
        "fps": fps,
        "shifted": bool(backend.spectral or backend.projection),
        "pauseDb": settings.pause_db,
        "pauseSeconds": settings.pause_seconds,
        **more,
    }
    return {"speech": header}, {k: np.float32(v) for k, v in arrays.items()}


def _kind(encoder: SpeechEncoder, heard_in_page: bool) -> tuple[str, str, dict]:
    """How the page hears, why it does not, and the settings of that."""
    s, backend = encoder.settings, encoder.backend
    if isinstance(backend, Spectral):
        cepstra = s.coefficients if s.backend == "mfcc" else 0
        sizes = {"window": backend.window, "hop": backend.hop, "size": backend.n_fft}
        levels = {"levelDb": s.level_db, "floorDb": s.floor_db}
        return "spectral", "", {
            "spectral": {**sizes, "bands": s.bands, "coefficients": cepstra, **levels}
        }  # fmt: skip
    if isinstance(backend, Whisper) and s.step_ms == STATE_MS and heard_in_page:
        net = backend.listener.net
        sizes = {"layers": backend.listener.layer, "bands": net.conv1.in_channels}
        return "whisper", "", {"whisper": {**sizes, "floor": backend.listener.floor}}
    told = "was exported without its speech encoder" if heard_in_page is False else (
        f"hears with {s.backend}, which does not run in a page"
    )  # fmt: skip
    reason = f"this portrait {told}: it speaks the recording that it came with"
    return "none", reason, {}


def _whisper_arrays(net: WhisperEncoder, layer: int) -> Arrays:
    """Weights of the layers that are used, with places for the longest window."""
    last = layer == len(net.blocks)
    used = {f"blocks.{k}." for k in range(layer)}
    state = {name: value.numpy() for name, value in net.state_dict().items()}
    kept = {
        f"whisper.{name}": value
        for name, value in state.items()
        if name.startswith("conv")
        or any(name.startswith(prefix) for prefix in used)
        or (last and name.startswith("ln_post"))
    }
    return kept | {"whisper.positional_embedding": state["positional_embedding"][:WINDOW]}


def recording_part(
    samples: np.ndarray, columns: np.ndarray, rest: np.ndarray, name: str
) -> tuple[dict, Arrays]:
    """Header and arrays of the recording that the page comes with.

    Args:
        samples: the recording [n] at RATE.
        columns: features [N,D] of it, from `SpeechEncoder.foreign_columns`.
        rest: weight of silence in each frame, from `unigs.drive.pauses.pauses`.
        name: what the page calls it.
    """
    sound = np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)
    arrays = {"samples": sound, "columns": np.float32(columns), "rest": np.float32(rest)}
    header = {"name": name, "frames": len(rest), "rate": RATE}
    return {"recording": header}, {f"recording.{k}": v for k, v in arrays.items()}
