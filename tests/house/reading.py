"""What the house tests read: every tracked file, parsed once."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "radcommons"
GENERATED = ("migrations/", "deid/data/", "static/vendor/")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Its path as people write it."""
        return str(self.path.relative_to(ROOT))

    def walk(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """Every node of the given kinds."""
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    def at(self, node: ast.AST) -> str:
        """A place to click on."""
        return f"{self.name}:{node.lineno}"


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file under version control, and those about to be."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    answer = subprocess.run(command, capture_output=True, check=True)
    paths = (ROOT / name.decode() for name in answer.stdout.split(b"\0") if name)
    return tuple(sorted(path for path in paths if path.is_file()))


@cache
def modules(folder: str = "src/radcommons") -> tuple[Module, ...]:
    """The hand-written Python files below a folder of the repository."""
    found = []
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        is_ours = path.suffix == ".py" and name.startswith(folder + "/") and path.exists()
        if is_ours and not any(part in name for part in GENERATED):
            text = path.read_text(encoding="utf-8")
            found.append(Module(path, text, ast.parse(text)))
    return tuple(found)


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file."""
    yield from module.walk(*FUNCTIONS)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from its first statement after the docstring to its last."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def listing(problems: list[str], rule: str) -> str:
    """A failure that says the rule and every place."""
    return f"{rule}\n" + "\n".join(f"  {problem}" for problem in problems)
