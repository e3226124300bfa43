"""A speech-like sound track, and the mouth motion that its phones drive.

Random syllables are spoken by a source-filter synthesizer (glottal pulses and noise through formant
resonators, after Klatt 1980). The same phones move the lips: each pulls the mouth toward its
target with a dominance that fades over 100 ms to both sides (co-articulation after Cohen and
Massaro 1993). So the mouth at a time is a smooth function of the sound within 100 ms around it,
and shut in pauses.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

CONTROL = 200
"""Control frames per second."""
ROOM_NOISE = 5e-4
"""Amplitude of the noise floor; no recording is digitally silent."""
REACH = 0.1
"""Seconds over which a phone's dominance over the mouth fades."""
VOWELS = ("a", "e", "i", "o", "u", "@", "ae")
ONSETS = ("m", "b", "p", "n", "t", "d", "k", "g", "s", "S", "f", "v", "l", "r", "w", "j", "h")
CODAS = ("n", "m", "l", "s", "t", "r")


@dataclass(frozen=True)
class Phone:
    """A speech sound and the mouth shape that belongs to it."""

    formants: tuple[float, float, float]
    """Frequencies of the formants, Hz."""
    opening: float
    """Opening between the lips, mm."""
    width: float
    """Change of the mouth's width, mm."""
    voice: float = 1.0
    """Amplitude of the glottal source."""
    noise: float = 0.0
    """Amplitude of the noise."""
    band: tuple[float, float] | None = None
    """Center and width of the noise's band, Hz; None: the noise goes through the formants."""
    pull: float = 1.0
    """Dominance over the mouth shape."""
    seconds: float = 0.08
    """Mean duration."""


PHONES = {
    "a": Phone((760, 1180, 2600), 13.5, 1.0, seconds=0.17),
    "ae": Phone((700, 1750, 2600), 11.0, 4.0, seconds=0.16),
    "e": Phone((480, 2050, 2750), 7.5, 5.0, seconds=0.14),
    "i": Phone((290, 2450, 3200), 4.5, 7.0, seconds=0.14),
    "o": Phone((500, 850, 2500), 8.5, -7.0, seconds=0.16),
    "u": Phone((310, 780, 2300), 4.0, -11.0, seconds=0.14),
    "@": Phone((530, 1480, 2550), 6.0, 0.0, seconds=0.09),
    "m": Phone((260, 1100, 2200), 0.0, -1.0, voice=0.35, pull=5.0),
    "b": Phone((220, 900, 2200), 0.0, -1.0, voice=0.12, noise=0.3, band=(900, 700), pull=5.0),
    "p": Phone((300, 900, 2200), 0.0, -1.0, voice=0.0, noise=0.5, band=(900, 900), pull=5.0),
    "n": Phone((280, 1650, 2600), 3.2, 1.0, voice=0.4),
    "t": Phone((350, 1750, 2600), 2.8, 2.0, voice=0.0, noise=0.6, band=(4500, 2500)),
    "d": Phone((300, 1750, 2600), 3.0, 1.0, voice=0.15, noise=0.35, band=(4000, 2500)),
    "k": Phone((350, 1900, 2500), 4.5, 0.0, voice=0.0, noise=0.6, band=(2100, 900)),
    "g": Phone((300, 1900, 2500), 4.5, 0.0, voice=0.15, noise=0.35, band=(2000, 900)),
    "s": Phone((350, 1750, 2600), 2.2, 4.0, voice=0.0, noise=0.5, band=(6000, 2500), seconds=0.1),
    "S": Phone((350, 1800, 2600), 3.2, -7.0, voice=0.0, noise=0.55, band=(3100, 1500), seconds=0.1),
    "f": Phone((350, 1200, 2300), 1.2, 0.0, voice=0.0, noise=0.25, band=(5000, 6000), pull=2.5),
    "v": Phone((300, 1200, 2300), 1.2, 0.0, voice=0.35, noise=0.12, band=(5000, 6000), pull=2.5),
    "l": Phone((360, 1250, 2800), 4.8, 1.0, voice=0.6, seconds=0.07),
    "r": Phone((380, 1250, 1650), 3.6, -5.0, voice=0.6, seconds=0.07),
    "w": Phone((300, 700, 2200), 2.6, -11.0, voice=0.6, pull=2.0),
    "j": Phone((280, 2300, 3000), 3.0, 5.0, voice=0.6, seconds=0.07),
    "h": Phone((550, 1500, 2550), 5.0, 0.0, voice=0.0, noise=0.3, seconds=0.06),
    "_": Phone((500, 1500, 2550), 0.0, 0.0, voice=0.0, pull=1.5),
}
BURSTS = {"b": 0.3, "p": 0.55, "t": 0.55, "d": 0.3, "k": 0.6, "g": 0.3}
"""Share of a stop consonant that is closure; then comes the burst."""


@dataclass
class Speech:
    """The spoken sequence of P phones."""

    symbols: list[str]
    """Phones, keys of `PHONES`."""
    starts: np.ndarray
    """Times [P + 1], s; the last entry is the end of the clip."""
    stress: np.ndarray
    """Factor [P] of the loudness and the opening of vowels."""


def compose(seconds: float, rng: np.random.Generator) -> Speech:
    """Random phrases of syllables with pauses; the last eleventh of the clip is speech."""
    closing = min(0.2, 0.08 * seconds)
    no_pause_after = seconds * 10.0 / 11.0 - 1.0
    rows = [("_", min(0.35, 0.15 * seconds), 1.0)]  # symbol, seconds, stress
    clock = rows[0][1]
    phrase_end = clock + rng.uniform(1.4, 3.4)
    misses = 0
    while misses < 8:
        syllable = []
        if phrase_end < clock < no_pause_after:
            syllable.append(("_", rng.uniform(0.4, 0.75), 1.0))
            phrase_end = clock + syllable[0][1] + rng.uniform(1.4, 3.4)
        sounds = [ONSETS[rng.integers(len(ONSETS))], VOWELS[rng.integers(len(VOWELS))]]
        if rng.uniform() < 0.22:
            sounds.append(CODAS[rng.integers(len(CODAS))])
        accent = rng.uniform(0.72, 1.12)
        for symbol in sounds:
            length = PHONES[symbol].seconds * rng.uniform(0.85, 1.3)
            syllable.append((symbol, length, accent if symbol in VOWELS else 1.0))
        length = sum(row[1] for row in syllable)
        if clock + length > seconds - closing:
            misses += 1  # a shorter syllable may still fit
            continue
        rows += syllable
        clock += length
    starts = np.cumsum([0.0] + [row[1] for row in rows])
    return Speech(
        symbols=[row[0] for row in rows] + ["_"],
        starts=np.append(starts, seconds),
        stress=np.array([row[2] for row in rows] + [1.0]),
    )


def mouth_curves(speech: Speech, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lip opening [T] and change of the mouth's width [T], mm.

    The weight of a phone is its dominance times the share that it fills of a Hann window of +-REACH
    seconds around the time.

    Args:
        speech: the spoken sequence.
        time: [T] s.
    """

    def filled(t: np.ndarray) -> np.ndarray:
        s = np.clip(t / REACH, -1.0, 1.0)
        return 0.5 * (1.0 + s + np.sin(np.pi * s) / np.pi)

    phones = [PHONES[s] for s in speech.symbols]
    pull = np.array([p.pull for p in phones])
    starts, ends = speech.starts[:-1].copy(), speech.starts[1:].copy()
    starts[0], ends[-1] = -np.inf, np.inf
    weight = pull * (filled(ends[None] - time[:, None]) - filled(starts[None] - time[:, None]))
    weight /= weight.sum(1, keepdims=True)
    opening = np.array([p.opening for p in phones]) * speech.stress
    return weight @ opening, weight @ np.array([p.width for p in phones])


def _control(speech: Speech, seconds: float) -> dict[str, np.ndarray]:
    """Controls [frames, ...] at CONTROL Hz: formants, levels of voice and noise, phone index."""
    time = (np.arange(int(np.ceil(seconds * CONTROL))) + 0.5) / CONTROL
    index = np.clip(
        np.searchsorted(speech.starts, time, side="right") - 1, 0, len(speech.symbols) - 1
    )
    phones = [PHONES[s] for s in speech.symbols]
    formants = np.array([p.formants for p in phones])[index]
    voice = (np.array([p.voice for p in phones]) * speech.stress)[index]
    noise = np.array([p.noise for p in phones])[index]
    length = np.diff(speech.starts)[index]
    along = (time - speech.starts[index]) / np.maximum(length, 1e-6)
    for k, symbol in enumerate(speech.symbols):
        if symbol in BURSTS:
            inside = index == k
            burst = inside & (along > BURSTS[symbol])
            noise[inside & ~burst] = 0.0
            noise[burst] *= np.exp(-((along[burst] - BURSTS[symbol]) * length[burst]) / 0.018)
    taper = np.hanning(9)[1:-1]
    taper /= taper.sum()

    def smooth(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        padded = np.pad(x, len(kernel) // 2, mode="edge")
        return np.convolve(padded, kernel, mode="valid")

    glide = np.hanning(15)[1:-1] / np.hanning(15)[1:-1].sum()
    return {
        "formants": np.column_stack([smooth(f, glide) for f in formants.T]),
        "voice": smooth(voice, taper),
        "noise": smooth(noise, taper[2:-2] / taper[2:-2].sum()),
        "phone": index,
    }


def synthesize(
    speech: Speech, seconds: float, rate: int, pitch: float, rng: np.random.Generator
) -> np.ndarray:
    """Sound of the spoken sequence by source-filter synthesis.

    Args:
        speech: the spoken sequence.
        seconds: length of the sound.
        rate: samples per second, a multiple of CONTROL.
        pitch: mean fundamental frequency, Hz.
        rng: source of pitch contour, jitter and noise.

    Returns:
        float32 [round(seconds * rate)] in [-1, 1].
    """
    control = _control(speech, seconds)
    frames = len(control["voice"])
    hop = rate // CONTROL
    n = frames * hop
    at = np.arange(n) / hop - 0.5
    level = np.interp(at, np.arange(frames), control["voice"])
    source = level * _glottis(n, rate, pitch, rng) + 0.004 * level * rng.normal(size=n)
    hiss = rng.normal(size=n)
    open_noise = np.interp(at, np.arange(frames), control["noise"])
    banded = np.array([PHONES[s].band is not None for s in speech.symbols])[control["phone"]]
    source += 0.12 * open_noise * hiss * np.repeat(~banded, hop)
    sound = _resonate(source, control["formants"], hop, rate)
    sound = sound / np.max(np.abs(sound) + 1e-9)
    sound += 0.32 * _fricatives(hiss, open_noise, control["phone"], speech.symbols, hop, rate)
    sound = sound[: int(round(seconds * rate))]
    sound = 0.8 * sound / np.max(np.abs(sound)) + ROOM_NOISE * rng.normal(size=len(sound))
    return sound.astype(np.float32)


def _glottis(n: int, rate: int, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Derivative of glottal flow [n]: smooth opening, sharp closing, wandering pitch."""
    t = np.arange(n) / rate
    bend = sum(
        0.05 * np.sin(2 * np.pi * f * t + rng.uniform(0, 2 * np.pi)) for f in (0.31, 0.77, 1.9)
    )
    knots = np.arange(0.0, n / rate + 0.02, 0.01)
    jitter = np.interp(t, knots, rng.normal(0.0, 0.006, len(knots)))
    phase = np.cumsum(pitch * (1 + bend + jitter)) / rate % 1.0
    open_phase = np.clip(phase / 0.6, 0.0, 1.0)
    return np.where(phase < 0.6, 2 * open_phase - 3 * open_phase**2, 0.0)


def _resonate(source: np.ndarray, formants: np.ndarray, hop: int, rate: int) -> np.ndarray:
    """Cascade of second-order resonators whose frequencies change every `hop` samples."""
    fixed = np.tile([3600.0, 4600.0], (len(formants), 1))
    tracks = np.concatenate([formants, fixed], 1)
    bandwidths = 60.0 + 0.055 * tracks
    sound = source.copy()
    for f, b in zip(tracks.T, bandwidths.T, strict=True):
        radius = np.exp(-np.pi * b / rate)
        a1, a2 = -2 * radius * np.cos(2 * np.pi * f / rate), radius**2
        state = np.zeros(2)
        for k in range(len(f)):
            rows = slice(k * hop, (k + 1) * hop)
            gain = 1.0 + a1[k] + a2[k]
            sound[rows], state = lfilter([gain], [1.0, a1[k], a2[k]], sound[rows], zi=state)
    return sound


def _fricatives(
    hiss: np.ndarray, level: np.ndarray, phone: np.ndarray, symbols: list[str], hop: int, rate: int
) -> np.ndarray:
    """Band-limited noise of consonants: one filter per band, gated by the noise level."""
    out = np.zeros(len(hiss))
    for band in sorted({p.band for p in PHONES.values() if p.band is not None}):
        uses = np.array([PHONES[s].band == band for s in symbols])[phone]
        if uses.any():
            center, width = band
            low = max(center - width / 2, 80.0)
            high = min(center + width / 2, 0.47 * rate)
            filtered = sosfilt(butter(2, [low, high], "bandpass", fs=rate, output="sos"), hiss)
            gate = np.convolve(np.repeat(uses, hop), np.ones(hop) / hop, mode="same")
            out += gate * level * filtered / filtered.std() * 0.35
    return out
