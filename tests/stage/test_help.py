"""Command lines explain themselves: no flag of any stage is without a text."""

import importlib
import inspect
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from unigs.stage import cli

PACKAGE = Path(__file__).parents[2] / "unigs"
STAGES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): found[1]
    for path in sorted(PACKAGE.rglob("*.py"))
    if (found := re.search(r"^    cli\.run\((\w+)\)$", path.read_text(), re.M))
}


def flags(text: str) -> dict[str, str]:
    """Flag -> what its help says, without whether it is required and what its default is."""
    body = "\n".join(line.strip("│ ") for line in text.splitlines())
    found = re.findall(r"^--([\w-]+) \S+(.*?)(?=^-|^[╭╰─]|\Z)", body, re.M | re.S)
    return {
        flag: re.sub(r"\(required\)|\(default: .*?\)\s*$", "", text, flags=re.S).strip()
        for flag, text in found
    }


def shown(stage, capsys, monkeypatch) -> dict[str, str]:
    monkeypatch.setenv("COLUMNS", "400")
    with pytest.raises(SystemExit) as stop:
        cli.run(stage, ["--help"])
    assert stop.value.code == 0
    texts = flags(capsys.readouterr().out)
    hints = inspect.get_annotations(stage, eval_str=True)
    names = [name for name in hints if name != "return" and not is_dataclass(hints[name])]
    names += [f.name for kind in hints.values() if is_dataclass(kind) for f in fields(kind)]
    assert set(texts) == {name.replace("_", "-") for name in names}
    return texts


def test_a_flag_without_a_text_is_noticed(capsys, monkeypatch):
    def stage(first: int, second: int = 2, third: str = "a") -> None:
        """Do something.

        Args:
            first: said. second: not said, since it stands on the same line.
            third: said as well,
                at some length.
        """

    texts = shown(stage, capsys, monkeypatch)
    assert texts["second"] == "" and texts["first"] and texts["third"].endswith("length.")


@pytest.mark.parametrize("module, name", STAGES.items(), ids=STAGES.values())
def test_every_flag_has_a_text(module, name, capsys, monkeypatch):
    texts = shown(getattr(importlib.import_module(module), name), capsys, monkeypatch)
    silent = [flag for flag, text in texts.items() if not re.search(r"\w{2}", text)]
    assert not silent, f"{module} --help is silent about {silent}"
