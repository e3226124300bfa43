"""Synthetic voices that tell when they speak which phone: flite and espeak-ng.

Both are packages of Debian and of other systems (apt-get install flite espeak-ng).
"""

import ctypes
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from tools.lip_prior.visemes import PAUSE, VISEMES
from unigs.media.audio import RATE, read_audio
from unigs.speech.phones import Phone, read_flite

FLITE = (("slt", (150, 190, 230)), ("rms", (85, 105)), ("awb", (100, 130)), ("kal16", (90, 120)))
"""Voices of flite, each with pitches in Hz."""
STRETCHES = (1.0, 1.25)
"""Factors on the durations of flite's phones."""
ESPEAK = (
    ("en-us+m1", 150, 40), ("en-us+m2", 170, 50), ("en-us+m3", 140, 50), ("en-us+m4", 165, 35),
    ("en-us+m7", 155, 55), ("en-us+f1", 150, 50), ("en-us+f2", 170, 60), ("en-us+f3", 145, 45),
    ("en-us+f4", 160, 55), ("en-us+f5", 175, 50), ("en-gb+m5", 150, 50), ("en-gb+f2", 150, 40),
    ("en-gb+f4", 140, 60), ("en-gb+m3", 170, 50),
)  # fmt: skip
"""Voices of espeak-ng, each with words per minute and pitch (0 to 99)."""
SAME = {
    "0": "aa", "3": "er", "3:": "er", "@": "ax", "@-": "ax", "@2": "ax", "@L": "ax", "A:": "aa",
    "A@": "aa", "D": "dh", "E": "eh", "I": "ih", "I#": "ih", "I2": "ih", "N": "ng", "O": "ao",
    "O2": "ao", "O:": "ao", "O@": "ao", "OI": "oy", "S": "sh", "T": "th", "U": "uh", "U@": "uh",
    "V": "ah", "Z": "zh", "_": PAUSE, "_:": PAUSE, ";": PAUSE, "?": "hh", "a": "ae", "a#": "ax",
    "aI": "ay", "aI@": "ay", "aU": "aw", "aa": "ae", "dZ": "jh", "e@": "eh", "eI": "ey",
    "h": "hh", "i": "iy", "i:": "iy", "i@": "iy", "i@3": "iy", "j": "y", "n-": "n", "o@": "ao",
    "oU": "ow", "r-": "r", "t#": "t", "t2": "t", "tS": "ch", "u:": "uw",
}  # fmt: skip
"""Phones of espeak-ng's English, by what they are called in `VISEMES`."""
RETRIEVE, PHONE_EVENTS, RATE_PARAMETER, PITCH_PARAMETER, PHONE_EVENT = 1, 1, 1, 3, 7
"""Constants of espeak-ng's interface (espeak/speak_lib.h)."""

Voice = Callable[[str], tuple[np.ndarray, list[Phone]]]
"""Speaks a text: samples float32 [n] at RATE, and its phones."""


def all_voices() -> list[tuple[str, Voice]]:
    """Every voice with its name."""
    flite = [
        (f"flite {voice} {pitch} Hz x{stretch}", _flite(voice, pitch, stretch))
        for voice, pitches in FLITE
        for pitch in pitches
        for stretch in STRETCHES
    ]
    engine = Espeak()
    return flite + [
        (f"espeak-ng {voice}", lambda text, v=voice, s=speed, p=pitch: engine.speak(text, v, s, p))
        for voice, speed, pitch in ESPEAK
    ]


def _flite(voice: str, pitch: float, stretch: float) -> Voice:
    def speak(text: str) -> tuple[np.ndarray, list[Phone]]:
        with tempfile.TemporaryDirectory() as folder:
            sound = Path(folder) / "speech.wav"
            command = ["flite", "-voice", voice, "-psdur", "-o", str(sound), "-t", text]
            command += ["--setf", f"duration_stretch={stretch}"]
            command += ["--setf", f"int_f0_target_mean={pitch}"]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            return read_audio(sound, RATE), read_flite(said)

    return speak


class _Identity(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("phone", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("kind", ctypes.c_int),
        ("message", ctypes.c_uint),
        ("character", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("identity", _Identity),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Espeak:
    """espeak-ng's library, which tells the sample at which each phone starts."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL("libespeak-ng.so.1")
        self.rate = self.library.espeak_Initialize(RETRIEVE, 0, None, PHONE_EVENTS)
        self.pieces: list[np.ndarray] = []
        self.events: list[tuple[str, int]] = []
        self.callback = _Callback(self._take)
        self.library.espeak_SetSynthCallback(self.callback)

    def _take(self, samples: object, count: int, events: object) -> int:
        if count > 0 and samples:
            self.pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        place = 0
        while events[place].kind:
            event = events[place]
            if event.kind == PHONE_EVENT:
                self.events.append((event.identity.phone.decode(), event.sample))
            place += 1
        return 0

    def speak(
        self, text: str, voice: str, speed: int, pitch: int
    ) -> tuple[np.ndarray, list[Phone]]:
        """Speak a text.

        Args:
            text: English.
            voice: name and variant.
            speed: words per minute.
            pitch: 0 to 99.
        """
        self.pieces, self.events = [], []
        self.library.espeak_SetVoiceByName(voice.encode())
        self.library.espeak_SetParameter(RATE_PARAMETER, speed, 0)
        self.library.espeak_SetParameter(PITCH_PARAMETER, pitch, 0)
        content = text.encode()
        self.library.espeak_Synth(content, len(content) + 1, 0, 1, 0, 1, None, None)
        self.library.espeak_Synchronize()
        samples = np.concatenate(self.pieces).astype(np.float32) / 32768
        ends = [start for _, start in self.events[1:]] + [len(samples)]
        phones = [
            Phone(name if name in VISEMES else SAME[name], start / self.rate, end / self.rate)
            for (name, start), end in zip(self.events, ends, strict=True)
        ]
        return resample_poly(samples, RATE, self.rate).astype(np.float32), phones
