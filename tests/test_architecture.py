"""docs/architecture.md is true: floors, circles, sizes of rooms, and the files that it names."""

import graphlib
import re
from pathlib import Path

import grimp
import pytest

REPO = Path(__file__).parents[1]
DOCUMENT = (REPO / "docs/architecture.md").read_text()
PACKAGE = REPO / "unigs"
LARGEST_SHARE = 0.15
# The log and the decisions tell of their day; all else must hold now.
CURRENT = sorted({REPO / "README.md", REPO / "CONTRIBUTING.md", *(REPO / "docs").glob("*.md")})
CURRENT.remove(REPO / "docs/log.md")


def floors() -> dict[str, int]:
    """Room -> floor, as the document's table says."""
    table = DOCUMENT.split("<!-- rooms: begin -->")[1].split("<!-- rooms: end -->")[0]
    return {room: int(floor) for floor, room in re.findall(r"^\| (\d+) \| `(\w+)` \|", table, re.M)}


FLOORS = floors()


@pytest.fixture(scope="module")
def imports() -> list[tuple[str, str]]:
    """Module and the module that it imports, inside functions and for type checkers too."""
    graph = grimp.build_graph("unigs", cache_dir=None, exclude_type_checking_imports=False)
    return [
        (module, imported)
        for module in sorted(graph.modules)
        for imported in sorted(graph.find_modules_directly_imported_by(module))
    ]


def room_of(module: str) -> str | None:
    """First folder of a module, or None for the package itself and for its command."""
    return module.split(".")[1] if "." in module and module != "unigs.__main__" else None


def test_the_document_names_every_room_and_no_other():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set(FLOORS) == rooms
    loose = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert not loose, f"{loose} lie in no room"


def test_arrows_point_down(imports):
    up = [
        f"{module} -> {imported}"
        for module, imported in imports
        if (a := room_of(module)) and (b := room_of(imported))
        if a != b and FLOORS[a] <= FLOORS[b]
    ]
    assert not up


def test_no_circle_between_modules(imports):
    graph: dict[str, set[str]] = {}
    for module, imported in imports:
        graph.setdefault(module, set()).add(imported)
    try:
        list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_packages_of_the_preparation_do_not_know_each_other(imports):
    def package(module: str) -> str:
        return ".".join(module.split(".")[:3])

    across = [
        f"{module} -> {imported}"
        for module, imported in imports
        if room_of(module) == room_of(imported) == "prepare"
        if package(module) != package(imported) and imported.count(".") > 1
    ]
    assert not across


def test_no_room_is_a_warehouse():
    lines = {
        room: sum(len(path.read_text().splitlines()) for path in (PACKAGE / room).rglob("*.py"))
        for room in FLOORS
    }
    share = {room: count / sum(lines.values()) for room, count in lines.items()}
    largest = max(share, key=share.get)
    assert share[largest] <= LARGEST_SHARE, f"{largest} holds {share[largest]:.1%}"


@pytest.mark.parametrize("path", CURRENT, ids=lambda path: path.stem)
def test_documents_name_files_and_modules_that_exist(path):
    text = path.read_text()
    for name in set(
        re.findall(r"`((?:unigs|workflow|tools|benchmarks|tests|docs)/[\w/.]+)`", text)
    ):
        assert (REPO / name).exists(), f"{path.name} names {name}"
    for name in set(re.findall(r"`(unigs(?:\.\w+)+)`", text)):
        *parts, last = name.split(".")
        folder = REPO.joinpath(*parts)
        module = folder.with_suffix(".py")
        found = (folder / last).is_dir() or (folder / f"{last}.py").is_file()
        assert found or (module.is_file() and re.search(rf"\b{last}\b", module.read_text())), (
            f"{path.name} names {name}"
        )


def test_a_constant_of_the_rasterizer_stands_once():
    """The newcomer's test: who looks for the alpha clamp finds one place."""
    for literal in ("F(0.999)", "F(1e-4)", "F(1 / 255)", "F(0.3)"):
        places = [path.name for path in PACKAGE.rglob("*.py") if literal in path.read_text()]
        assert places == ["spec.py"], literal
