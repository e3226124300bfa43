"""Learns projection, lip prior and detector of speech of Whisper's states from synthetic speech.

    python -m tools.lip_prior.learn --model resources/models/whisper-tiny-en.safetensors

writes the files that the package ships. It needs flite and espeak-ng (apt-get install flite
espeak-ng) and some minutes. No recording of a person is involved.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from safetensors.numpy import load_file

from tools.lip_prior.closures import learn_closures
from tools.lip_prior.disturbances import disturbed
from tools.lip_prior.visemes import PAUSE, closing_rows, lip_curves, speaking
from tools.lip_prior.voices import Voice, all_voices
from unigs.media.audio import RATE
from unigs.speech import lip_prior, projection
from unigs.speech.encoder import centered
from unigs.speech.lip_prior import HALF, LipPrior, flat_windows
from unigs.speech.loudness import normalize_level
from unigs.speech.model_file import digest
from unigs.speech.phones import Phone
from unigs.speech.whisper import load_whisper
from unigs.speech.whisper_mel import floor_of
from unigs.speech.whisper_windows import Listener, hear
from unigs.stage.files import save_tensors
from unigs.stage.progress import progress

SENTENCES = Path(__file__).with_name("sentences.txt")
PASSAGES, PASSAGE = 5, 5
"""Recordings of each voice, and sentences of each."""
RECORDING_NOISE = 5e-4
"""Amplitude of the noise floor of a clean recording."""
FPS = 50
"""Rows of states in a second, at which lips are learned."""
RIDGE = 0.3
"""Penalty of the regressions, in units of the mean variance of a feature."""
WHITENING = 0.5
"""Power of a principal axis's deviation by which its feature is divided: 0 leaves the spread of the
axes as it is, 1 makes it equal."""
PLACES = (8, 43, 62, 136, 200, 235, 249, 250, 294, 295, 334, 381)
"""Numbers of a state of whisper-tiny-en's layer 2 that tell where in its window it lies: at least
77 % of their variance. They are left out."""
LEVEL_DB = -23.0
"""Loudness of speech, as `unigs.settings.speech.SpeechSettings.level_db`."""


@dataclass(frozen=True)
class Recording:
    """Synthetic speech with known phones."""

    samples: np.ndarray
    """Samples [n] at RATE."""
    phones: list[Phone]
    """Phones in order, pauses included."""


def read_passages(voice: Voice, rng: np.random.Generator) -> list[Recording]:
    """Passages of random sentences, with pauses of random length before, between and after."""
    sentences = SENTENCES.read_text().splitlines()
    chosen = rng.permutation(sentences)[: PASSAGES * PASSAGE].reshape(PASSAGES, PASSAGE)
    return [_read(voice, passage, rng) for passage in chosen]


def _read(voice: Voice, sentences: np.ndarray, rng: np.random.Generator) -> Recording:
    pieces, phones, clock = [], [], 0.0

    def pause(longest: float) -> None:
        nonlocal clock
        silence = np.zeros(int(rng.uniform(0.05, longest) * RATE), np.float32)
        phones.append(Phone(PAUSE, clock, clock + len(silence) / RATE))
        pieces.append(silence)
        clock += len(silence) / RATE

    pause(0.7)
    for sentence in sentences:
        sound, said = voice(str(sentence))
        phones.extend(Phone(p.symbol, clock + p.start, clock + p.end) for p in said)
        pieces.append(sound / np.sqrt(np.mean(np.square(sound))) * 0.07)
        clock += len(sound) / RATE
        pause(0.8)
    samples = np.concatenate(pieces)
    noise = rng.normal(0, RECORDING_NOISE, len(samples))
    return Recording((samples + noise).astype(np.float32), phones)


def main(
    model: Path, layer: int = 2, width: int = 64, seed: int = 0, out: Path = lip_prior.FOLDER
) -> None:
    """Learn and write the files of one network's layer.

    Args:
        model: Whisper's encoder (.safetensors).
        layer: layer whose states are read.
        width: numbers that are kept of the states.
        seed: seed of everything random.
        out: folder of the lip prior; the projection goes where the package keeps them.
    """
    rng = np.random.default_rng(seed)
    listener = Listener(load_whisper(model), layer, floor_of(LEVEL_DB))
    clean, noisy, spoken, names = [], [], [], []
    for name, voice in progress(all_voices(), label="voices"):
        for recording in read_passages(voice, rng):
            clean.append(_hear(listener, recording.samples))
            noisy.append(_hear(listener, disturbed(recording.samples, rng)))
            spoken.append(recording.phones)
            names.append(" ".join(name.split()[:2]))
    file = f"{model.stem}-{layer}.safetensors"
    projected = learn_projection(clean + noisy, width)
    path = projection.FOLDER / file
    path.parent.mkdir(exist_ok=True)
    tensors = {"mean": projected.mean, "matrix": projected.matrix}
    tensors = {key: value.astype(np.float16) for key, value in tensors.items()}
    if not _holds(path, tensors):
        save_tensors(path, tensors, {"model": digest(model), "layer": str(layer)})
    projected = projection.find_projection(digest(model), layer)
    prior = learn_prior(
        [centered(projected(rows), sound) for rows, sound in clean],
        [centered(projected(rows), sound) for rows, sound in noisy],
        spoken,
        names,
        projected.sha256,
    )
    out.mkdir(exist_ok=True)
    prior.write(out / file)
    print(f"{path} and {out / file} written")


def _holds(path: Path, tensors: dict[str, np.ndarray]) -> bool:
    """Whether a file has just these tensors: features know it by its bytes, whose order varies."""
    if not path.exists():
        return False
    known = load_file(path)
    return known.keys() == tensors.keys() and all(
        np.array_equal(known[name], value) for name, value in tensors.items()
    )


def _hear(listener: Listener, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    level = normalize_level(samples, LEVEL_DB)
    return hear(listener, level).astype(np.float16), level


def learn_projection(
    heard: list[tuple[np.ndarray, np.ndarray]], width: int
) -> projection.Projection:
    """Principal axes of states, partly whitened, features with a mean variance of 1."""
    states = np.concatenate([rows[::2] for rows, _ in heard]).astype(np.float64)
    mean = states.mean(0)
    spoken = np.delete(states - mean, PLACES, axis=1)
    power, axes = np.linalg.eigh(np.cov(spoken.T))
    power, axes = power[::-1][:width], axes[:, ::-1][:, :width]
    matrix = axes * power ** (-WHITENING / 2)
    matrix = np.insert(matrix, np.array(PLACES) - np.arange(len(PLACES)), 0, axis=0)
    matrix /= np.sqrt(np.mean(power ** (1 - WHITENING)))
    return projection.Projection(mean.astype(np.float32), matrix.astype(np.float32))


def learn_prior(
    clean: list[np.ndarray],
    noisy: list[np.ndarray],
    spoken: list[list[Phone]],
    names: list[str],
    projected: str,
) -> LipPrior:
    """Lips from clean speech; speech or not, and p, b and m, from clean and noisy recordings.

    Args:
        clean: centered features [N,D] of each clean recording.
        noisy: the same of each disturbed recording.
        spoken: phones of each recording.
        names: voice of each recording, without its pitch and pace.
        projected: digest of the projection that made the features.
    """
    times = [np.arange(len(rows)) / FPS for rows in clean]
    lips = [lip_curves(p, t) for p, t in zip(spoken, times, strict=True)]
    lips = [(curve - curve.mean(0)) / curve.std(0) for curve in lips]
    windows = np.concatenate([flat_windows(rows) for rows in clean])
    weights, _ = ridge(windows, np.concatenate(lips))
    heard = np.concatenate([windows, *(flat_windows(rows) for rows in noisy)])
    speech = np.concatenate([speaking(p, t) for p, t in zip(spoken, times, strict=True)] * 2)
    detector, bias = ridge(heard, np.where(speech, 1.0, -1.0)[:, None])
    score = heard @ detector[:, 0] + bias[0]
    wrong = np.mean((score > 0) != speech)
    print(f"{len(windows) / FPS / 60:.0f} minutes; speech or not: wrong in {wrong:.1%} of the rows")
    shut = np.concatenate([closing_rows(p, t) for p, t in zip(spoken, times, strict=True)] * 2)
    spoke = np.repeat(names, [len(rows) for rows in clean])
    shape = (2 * HALF + 1, -1)
    return LipPrior(
        weights.reshape(*shape, weights.shape[1]).astype(np.float32),
        detector[:, 0].reshape(shape).astype(np.float32),
        float(bias[0]),
        projected,
        learn_closures(heard, shut, np.concatenate([spoke, spoke])),
    )


def ridge(inputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights [I,K] and bias [K] of a linear regression of targets [n,K] on inputs [n,I]."""
    mean, level = inputs.mean(0), targets.mean(0)
    x = inputs - mean
    gram = x.T @ x
    gram[np.diag_indices_from(gram)] += RIDGE * np.trace(gram) / len(gram)
    weights = np.linalg.solve(gram, x.T @ (targets - level))
    return weights, level - mean @ weights


if __name__ == "__main__":
    tyro.cli(main)
