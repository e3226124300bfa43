"""From the files of a source to the tensors that are kept, under one set of names for each model.

Whisper's encoder has the names of OpenAI's state dict, LPIPS torchvision's `features.*` and the
lpips package's `lin*.model.1.weight`, face-api the names of its manifest, all others their own.
Networks that run in a runtime of their own are kept as the bytes of their files.
"""

import hashlib
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from unigs.pretrained.ctranslate2 import read_ctranslate2
from unigs.pretrained.face_api import read_face_api
from unigs.pretrained.pickles import read_array_pickle
from unigs.pretrained.weights import read_weights

Tensors = dict[str, np.ndarray]
"""Arrays by name."""
ALEXNET = (0, 3, 6, 8, 10)
"""Places of AlexNet's convolutions in torchvision's `features`."""
WHISPER_LAYER = {
    "self_attention/layer_norm/gamma": "attn_ln.weight",
    "self_attention/layer_norm/beta": "attn_ln.bias",
    "self_attention/linear_1/weight": "attn.out.weight",
    "self_attention/linear_1/bias": "attn.out.bias",
    "ffn/layer_norm/gamma": "mlp_ln.weight",
    "ffn/layer_norm/beta": "mlp_ln.bias",
    "ffn/linear_0/weight": "mlp.0.weight",
    "ffn/linear_0/bias": "mlp.0.bias",
    "ffn/linear_1/weight": "mlp.2.weight",
    "ffn/linear_1/bias": "mlp.2.bias",
}
"""Variables of a layer of CTranslate2's encoder -> OpenAI's names; queries, keys and values are one
variable there."""
WHISPER_ENCODER = {
    "conv1/weight": "conv1.weight",
    "conv1/bias": "conv1.bias",
    "conv2/weight": "conv2.weight",
    "conv2/bias": "conv2.bias",
    "position_encodings/encodings": "positional_embedding",
    "layer_norm/gamma": "ln_post.weight",
    "layer_norm/beta": "ln_post.bias",
}
"""The same for what is no layer."""


def convert(reader: str, files: Mapping[str, Path]) -> Tensors:
    """Tensors of a source.

    Args:
        reader: a name of `READERS`.
        files: part -> file, as the reader calls them.

    Raises:
        ValueError: a file is damaged, or lacks what belongs to the model.
        UserError: a file of torch is damaged.
    """
    try:
        return READERS[reader](**files)
    except KeyError as error:
        raise ValueError(f"it lacks {error}") from None


def layout(tensors: Tensors) -> str:
    """A digest of the tensors' names, types and shapes: equal for all files of one network."""
    lines = [f"{name} {a.dtype} {list(a.shape)}\n" for name, a in sorted(tensors.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def state_dict(weights: Path) -> Tensors:
    """Tensors of a file of torch or safetensors, as they are."""
    return {name: value.numpy() for name, value in read_weights(weights).items()}


def whisper_openai(weights: Path) -> Tensors:
    """The encoder out of OpenAI's checkpoint."""
    tensors = state_dict(weights)
    return {
        name: value.astype(np.float16)
        for name, value in tensors.items()
        if name.startswith("encoder.")
    }


def whisper_ctranslate2(weights: Path) -> Tensors:
    """The encoder out of a float16 model of CTranslate2."""
    variables = read_ctranslate2(weights)
    found = {
        f"encoder.{ours}": variables[f"encoder/{key}"] for key, ours in WHISPER_ENCODER.items()
    }
    for number in itertools.count():
        layer = f"encoder/layer_{number}/"
        theirs = {k.removeprefix(layer): v for k, v in variables.items() if k.startswith(layer)}
        if not theirs:
            return found
        tensors = {ours: theirs[key] for key, ours in WHISPER_LAYER.items()} | _attention(theirs)
        found |= {f"encoder.blocks.{number}.{name}": value for name, value in tensors.items()}
    return found


def _attention(layer: Tensors) -> Tensors:
    """Queries, keys and values of a layer, which CTranslate2 keeps as one linear map.

    Raises:
        ValueError: the keys have a bias, which Whisper's have not.
    """
    linear = "self_attention/linear_0"
    weights, biases = (np.split(layer[f"{linear}/{kind}"], 3) for kind in ("weight", "bias"))
    if biases[1].any():
        raise ValueError("keys have a bias, which Whisper's have not")
    found = {f"attn.{n}.weight": w for n, w in zip(("query", "key", "value"), weights, strict=True)}
    return found | {"attn.query.bias": biases[0], "attn.value.bias": biases[2]}


def lpips_torch(trunk: Path, heads: Path) -> Tensors:
    """AlexNet's convolutions out of torchvision's file, and the heads of the lpips package."""
    convolutions = state_dict(trunk)
    return {n: a for n, a in convolutions.items() if n.startswith("features.")} | state_dict(heads)


def lpips_flax(weights: Path) -> Tensors:
    """Convolutions and heads out of a pickle of Flax parameters, whose kernels are HWIO."""
    tree = read_array_pickle(weights)
    layers = _mapping(tree, "AlexNet_0")
    found = {}
    for number, place in enumerate(ALEXNET):
        layer = _mapping(layers, f"Conv_{number}")
        found[f"features.{place}.weight"] = np.transpose(layer["kernel"], (3, 2, 0, 1))
        found[f"features.{place}.bias"] = layer["bias"]
        head = _mapping(_mapping(tree, f"NetLinLayer_{number}"), "Conv_0")
        found[f"lin{number}.model.1.weight"] = np.transpose(head["kernel"], (3, 2, 0, 1))
    return found


def _mapping(tree: dict, name: str) -> dict:
    """A part of a tree that has parts of its own.

    Raises:
        ValueError: it has none.
    """
    if not isinstance(tree[name], dict):
        raise ValueError(f"{name} has no parts")
    return tree[name]


def files(**parts: Path) -> Tensors:
    """Files as they are, each an array of its bytes."""
    return {part: np.fromfile(path, np.uint8) for part, path in parts.items()}


READERS: dict[str, Callable[..., Tensors]] = {
    "face-api": read_face_api,
    "files": files,
    "lpips-flax": lpips_flax,
    "lpips-torch": lpips_torch,
    "state-dict": state_dict,
    "whisper-ctranslate2": whisper_ctranslate2,
    "whisper-openai": whisper_openai,
}
"""What the catalogue calls each of them."""
