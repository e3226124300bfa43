"""Where pretrained weights lie, and what settings mean that leave the choice of them open.

The workflow asks while planning: nothing here needs torch or NumPy.
"""

import os
from pathlib import Path

FOLDER, VARIABLE = Path("resources/models"), "UNIGS_MODELS"
"""Where the files lie, as seen from the working directory, unless the variable of the environment
names another folder."""
SPEECH_MODEL = "whisper-tiny-en"
"""Name of the weights that the speech back-end whisper takes unless it is told."""


def models_folder() -> Path:
    """The folder of the weights: what UNIGS_MODELS names, else resources/models."""
    return Path(os.environ.get(VARIABLE) or FOLDER)


def model_path(name: str) -> Path:
    """Where the weights of a name lie, or would lie."""
    return models_folder() / f"{name}.safetensors"


def settle_speech(backend: str, model: str) -> tuple[str, str]:
    """Back-end and model of speech, with nothing left open.

    Args:
        backend: setting `speech.backend`. auto: whisper where its file is there or a model is
            named, else logmel.
        model: setting `speech.model`. Empty: whisper takes the file of `SPEECH_MODEL`.
    """
    usual = model_path(SPEECH_MODEL)
    if backend == "auto":
        backend = "whisper" if model or usual.is_file() else "logmel"
    return backend, model or (str(usual) if backend == "whisper" else "")
