"""Files of the networks that look at lips, with small random weights under the published names."""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from unigs.evaluate.light_asd import LightASD
from unigs.evaluate.syncnet import SyncNet
from unigs.face.landmarks68 import WIDTHS
from unigs.pretrained.auto import LANDMARKS68, LIGHT_ASD, SYNCNET


def landmarks68_state(seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights under face-api's names, in TensorFlow's order."""
    rng, state, inputs = np.random.default_rng(seed), {}, 3
    for block, width in enumerate(WIDTHS):
        for layer in range(4):
            name, n = f"dense{block}/conv{layer}", inputs if layer == 0 else width
            if block == layer == 0:
                state[f"{name}/filters"] = rng.normal(0, 0.3, (3, 3, n, width))
            else:
                state[f"{name}/depthwise_filter"] = rng.normal(0, 0.3, (3, 3, n, 1))
                state[f"{name}/pointwise_filter"] = rng.normal(0, n**-0.5, (1, 1, n, width))
            state[f"{name}/bias"] = rng.normal(0, 0.1, width)
        inputs = width
    state["fc/weights"], state["fc/bias"] = rng.normal(0, 0.05, (256, 136)), rng.normal(0, 1, 136)
    return {k: torch.from_numpy(v).float() for k, v in state.items()}


def light_asd_state(network: LightASD) -> dict[str, torch.Tensor]:
    """A network's weights under the names of the published file."""
    layers = {"merge.0": ("last", ""), "merge.1": ("bn_last", "")}
    for index, name in ((0, "s"), (1, "bn_s"), (3, "t"), (4, "bn_t")):
        layers |= {f"branches.{k}.{index}": (name, f"_{(3, 5)[k]}") for k in (0, 1)}
    state = {"lossV.FC.bias": torch.zeros(2)}
    for own, value in network.state_dict().items():
        part, *rest = own.split(".")
        if part in ("faces", "sound"):
            name, end = layers[".".join(rest[1:-1])]
            if part == "sound" and end:
                name = name.replace("s", "m")
            encoder = {"faces": "visual", "sound": "audio"}[part]
            place = f"model.{encoder}Encoder.block{int(rest[0]) + 1}"
            state[f"{place}.{name}{end}.{rest[-1]}"] = value
        elif part == "speaks":
            state[f"lossAV.FC.{rest[0]}"] = value
        else:
            way = {"forth": "forward", "back": "backward"}[part]
            state[f"model.GRU.gru_{way}.{rest[0]}"] = value
    return state


def write_lip_models(folder: Path) -> Path:
    """Write one file of each network; SyncNet with a 64th of its widths."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    states = {
        LANDMARKS68: landmarks68_state(),
        LIGHT_ASD: light_asd_state(LightASD()),
        SYNCNET: SyncNet(1 / 64).state_dict(),
    }
    for name, state in states.items():
        content = {key: value.contiguous() for key, value in state.items()}
        save_file(content, folder / f"{name}.safetensors")
    return folder
