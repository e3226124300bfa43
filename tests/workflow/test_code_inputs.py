"""The code inputs of a stage are all modules of the package that it imports, and no others."""

from pathlib import Path

import pytest

from unigs.workflow import code_inputs as subject
from unigs.workflow.code_inputs import NOT_INPUTS, code_inputs, file_of


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write files of a package that stands in for `unigs`."""
    monkeypatch.setattr(subject, "PACKAGE", tmp_path)
    subject.file_of.cache_clear()

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    yield write
    subject.file_of.cache_clear()


def found(package: Path, module: str) -> set[str]:
    return {str(path.relative_to(package)) for path in code_inputs(module)}


def test_imports_inside_functions_are_followed(package):
    folder = package(
        {
            "__init__.py": '"""Empty."""',
            "a.py": "def f():\n    from unigs.b import c\n    from unigs.stage import cli",
            "b/__init__.py": '"""Empty."""',
            "b/c.py": "from unigs import d\nfrom other import e",
            "stage/__init__.py": '"""Empty."""',
            "stage/cli.py": "import unigs.e",
            "d.py": "x = 1",
            "e.py": "x = 1",
        }
    )
    assert found(folder, "unigs.a") == {"a.py", "b/c.py", "d.py"}
    with pytest.raises(ModuleNotFoundError):
        code_inputs("unigs.missing")


def test_a_package_with_code_is_an_input_of_its_modules(package):
    folder = package({"__init__.py": "", "b/__init__.py": '"""Doc."""\nx = 1', "b/c.py": "y = 2"})
    assert found(folder, "unigs.b.c") == {"b/__init__.py", "b/c.py"}


def test_circles_end(package):
    folder = package({"a.py": "import unigs.b", "b.py": "import unigs.a"})
    assert found(folder, "unigs.a") == found(folder, "unigs.b") == {"a.py", "b.py"}


def test_what_is_no_input_exists():
    assert all(file_of(module) for module in NOT_INPUTS)
