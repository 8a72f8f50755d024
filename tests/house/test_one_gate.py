"""Restricted versions are safe while every door takes its versions from one gate (docs/decisions/0018)."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/radcommons"
READING = "server/releases/reading.py"
# What gives versions without asking who wants to read them, or what is in a version without going through one.
UNGUARDED = frozenset(
    {
        "public_release",
        "public_versions",
        "data_sets",
        "versions_out",
        "latest_out",
        "successor",
        "any_release",
        "draft_by_id",
        "drafts",
        "ReleaseInstance",
        "ReleaseFile",
        "Shelf",
        "ShelfSeries",
        "release_members",
    }
)
# Prepares, checks and publishes versions, or tells what is public of them; nothing of it answers a question about members.
OF_THE_HOUSE = {
    "server/releases/models.py": "the tables",
    "server/releases/queries.py": "makes what is listed here",
    "server/releases/reading.py": "the gate",
    "server/releases/describing.py": "the public records",
    "server/releases/annotations.py": "builds the core of a draft",
    "server/releases/rows.py": "the rows of a version that its caller took from the gate",
    "server/releases/provenance.py": "builds the core of a draft",
    "server/releases/storage_needs.py": "what the archive must keep",
    "server/releases/holdings.py": "counts a version that its caller took from the gate",
    "server/releases/commands.py": "the operator's",
    "server/archive/models.py": "the tables",
    "apps/demo/centre_steps.py": "the operator's",
    "apps/demo/labelling.py": "the operator's",
}
HOUSE_FOLDERS = ("server/releases/services/", "server/releases/migrations/", "server/archive/")
# Where a door takes one of these all the same, by function, and why nothing leaks.
REVIEWED = {
    ("server/releases/api.py", "list_releases"): "titles and what is told",
    ("server/releases/api.py", "list_versions"): "titles and what is told",
    ("server/releases/views.py", "module"): "addresses of pages",
    ("server/releases/views.py", "data_sets"): "titles and what is told; drafts for their readers",
    ("server/releases/views.py", "versions"): "titles and what is told",
    ("server/releases/views.py", "landing"): "public until may_read lets on",
    ("server/releases/views.py", "drafts"): "behind the door of drafts",
    ("server/releases/views.py", "draft"): "behind the door of drafts",
    ("server/releases/views.py", "act"): "behind the door of release managers",
    ("server/access/views.py", "ask"): "the terms, which are public",
    ("server/access/queries.py", "download_at"): "public records; all else after the gate",
    ("server/access/released.py", "shelved"): "shelves of collections, which come from the gate",
    ("server/access/released.py", "place_of"): "narrowed to versions that the actor may know of",
    ("server/access/released.py", "_collections"): "versions that its callers took from the gate",
    ("server/access/released.py", "of"): "versions at least as open as the one that is read",
    ("server/access/drs/objects.py", "_instance"): "narrowed to versions that the actor may read or know of",
    ("server/portal/numbers.py", "_count"): "narrowed to what a stranger may read",
    ("server/portal/numbers.py", "_first_months"): "narrowed to what a stranger may read",
    ("server/portal/views/home.py", "home"): "titles; pictures after may_read",
    ("server/portal/steps.py", "_for_release_managers"): "drafts, for release managers",
}
# Functions that may name the table of versions itself.
OWN_QUERIES = {
    ("server/access/released.py", "collection_of"): "a version that its caller took from the gate",
    ("server/access/drs/objects.py", "_studies"): "by the number of a version that its caller took from the gate",
    (
        "server/access/drs/objects.py",
        "_checksum_of_release",
    ): "by the number of a version that its caller took from the gate",
    ("server/access/services.py", "count_downloads"): "numbers of downloads",
}


@functools.cache
def uses() -> frozenset[tuple[str, str, str]]:
    """The same for all tests."""
    return frozenset(found_uses())


def found_uses() -> Iterator[tuple[str, str, str]]:
    """File, function and name of every use of what is not guarded, imports and annotations left out."""
    for path in sorted((*SOURCE.glob("server/**/*.py"), *SOURCE.glob("apps/**/*.py"))):
        place = path.relative_to(SOURCE).as_posix()
        if place in OF_THE_HOUSE or place.startswith(HOUSE_FOLDERS):
            continue
        text = path.read_text(encoding="utf-8")
        if "releases" in text or "Shelf" in text or "release_members" in text:
            yield from ((place, *use) for use in uses_in(ast.parse(text), "module"))


def uses_in(node: ast.AST, function: str) -> Iterator[tuple[str, str]]:
    """Function and name of every use below a node."""
    for child in ast.iter_child_nodes(node):
        if is_annotation(node, child) or isinstance(child, ast.Import | ast.ImportFrom):
            continue
        inner = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        name = name_of(child)
        if name:
            yield inner, name
        yield from uses_in(child, inner)


def name_of(node: ast.AST) -> str:
    """The listed name that a node stands for; empty for all others."""
    if isinstance(node, ast.Attribute) and node.attr == "objects" and ast.unparse(node.value) == "Release":
        return "Release.objects"
    if isinstance(node, ast.Name) and node.id in UNGUARDED and isinstance(node.ctx, ast.Load):
        return node.id
    if isinstance(node, ast.Attribute) and node.attr in UNGUARDED:
        is_of_room = isinstance(node.value, ast.Name) and node.value.id in {"queries", "releases"}
        return node.attr if is_of_room or node.attr == "release_members" else ""
    if isinstance(node, ast.keyword) and (node.arg or "").startswith("release_members"):
        return "release_members"
    is_path = isinstance(node, ast.Constant) and isinstance(node.value, str) and "release_members" in node.value
    return "release_members" if is_path else ""


def is_annotation(parent: ast.AST, child: ast.AST) -> bool:
    """Whether a node only says of what type something is."""
    return child in (getattr(parent, "annotation", None), getattr(parent, "returns", None))


def test_versions_and_what_is_in_them_are_taken_from_the_gate():
    allowed = REVIEWED.keys() | OWN_QUERIES.keys()
    others = sorted({use for use in uses() if use[:2] not in allowed})
    assert not others, f"Take the version from {READING}, or say in this file why nothing leaks: {others}"


def test_nobody_but_the_reviewed_names_the_table_of_versions():
    own = sorted({use[:2] for use in uses() if use[2] == "Release.objects"} - OWN_QUERIES.keys())
    assert own == []


def test_the_list_names_nothing_that_is_gone():
    found = {use[:2] for use in uses()}
    gone = sorted((REVIEWED.keys() | OWN_QUERIES.keys()) - found)
    assert gone == []


def test_the_search_finds_a_door_that_forgot_the_gate():
    text = "def view(request):\n    return queries.public_release(slug, version), Release.objects.get(pk=1)\n"
    text += "def other(rows: ReleaseInstance):\n    return Instance.objects.filter(release_members__release=1)\n"
    assert set(uses_in(ast.parse(text), "module")) == {
        ("view", "public_release"),
        ("view", "Release.objects"),
        ("other", "release_members"),
    }
