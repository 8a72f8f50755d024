"""Find every stable code (``<package>.<reason>``) that the source can raise or report, with its sentence.

A code is a string constant of that form whose first word is a package or room, and which is not the value of an action, a verb or a
task. It is an *error* where an exception is made of it, otherwise a *finding*. The sentence is the text that stands beside it.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "radcommons"
AREAS = (
    "access", "analyses", "annotation", "archive", "audit", "catalog", "client", "clinical", "curation", "deid", "demo", "dicom",
    "dicomweb", "doctor", "edge", "intake", "isolation", "journey", "linkage", "platform", "portal", "releases", "release", "serve",
    "sites", "transfer", "viewer", "viewing",
)  # fmt: skip
SLUG = re.compile(rf"(?:{'|'.join(AREAS)})\.[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
PREFIX = re.compile(rf"(?:{'|'.join(AREAS)})\.")
# File endings make names of files look like codes.
NOT_A_REASON = {
    "html",
    "css",
    "js",
    "json",
    "toml",
    "md",
    "csv",
    "parquet",
    "txt",
    "svg",
    "py",
    "sqlite",
    "log",
    "lock",
}
SHORTEST_SENTENCE = 12
# Strings of the same form that are no codes: a key of the cache, a package of a room.
NO_CODES = {"portal.released-numbers", "portal.viewer"}
# Codes whose sentence is put together from values, or written where the code is not.
SENTENCES = {
    "annotation.format": "The document is not what it claims to be; the message says where.",
    "annotation.value": "The answer is none that its label allows; the message says why.",
    "archive.document-unreadable": "The document in the object cannot be read; retrieve the instance itself.",
    "archive.no-pixels": "No picture can be made: the object has no pixels. Retrieve the instance itself.",
    "archive.slide": "No picture can stand for a slide by this address; it is shown tile by tile, by its frames.",
    "archive.no-such-value": "The instance has no value at this address.",
    "archive.value-too-large": "The value is too large to be sent by itself. Retrieve the instance.",
    "client.bad-address": "The address is none that can be asked, or leads from https to http; the message says which.",
    "client.no-object": "The bucket has no object of this name, or the store no such bucket; the others were fetched.",
    "client.refused": "The repository, or the store of a bucket, refused with a status; the message says which.",
    "client.unreachable": "The repository, or the store of a bucket, cannot be reached; the message says which.",
    "doctor.unexpected": "The check itself failed; the message says how.",
    "edge.content-changed": "What is to be decided has changed since the page was shown. Look again, then decide.",
    "edge.crosswalk-conflict": "Rows of the file do not fit; nothing was taken in. The message names each by its number.",
    "edge.fetch-list": "The list is no UTF-8 CSV file with accession_number or patient_id, or a value in it names more than one thing.",
    "edge.find-failed": "The PACS refused the query, broke it off, or answers with more than anybody can have meant.",
    "edge.no-session": "Open the address that the command printed; it carries a token.",
    "edge.invalid-crosswalk": "The file is no crosswalk: a UTF-8 CSV file with patient_id and subject_id, or an export.",
    "edge.no-such-subject": "This home does not know one of these subjects or patients. Nothing was changed.",
    "edge.invalid-text": "A verdict on a text is keep, remove or replace, and a replacement is words that can stand in a header.",
    "edge.invalid-text-table": "The table of texts is no UTF-8 CSV file with the columns id and verdict, or holds another verdict.",
    "edge.not-confirmed": "This cannot be undone. The message says what it means; say --yes to do it.",
    "edge.passphrase-needed": "A passphrase is needed, from the environment, a file or a terminal, and there is none.",
    "intake.multipart": "The body is no multipart message as PS3.18 8.6.1.2 describes it; the message says what is wrong with it.",
    "intake.pixel-text-not-checked": "Writing may be burned into the pixels and nobody looked: a curator must, or the site does and sends again.",
    "intake.source-unreadable": "The file could not be read where it lies and was left out; doing it again tries it again.",
    "isolation.crashed": "Reading this object made the process crash; the object was left out.",
    "isolation.timeout": "Reading this object took longer than allowed; the object was left out.",
    "journey.impossible": "This fact cannot follow from the state the study is in; nothing was changed.",
    "journey.unknown-fact": "No room announces facts of this kind; nothing was changed.",
    "journey.verb-failed": "What the fact asked of another room failed; it is tried again, then waits for an operator.",
    "platform.database": "The database refused for a passing reason; the same is tried again.",
    "platform.password-weak": "The password is too weak; the message says how to make it stronger.",
    "transfer.refused": "The centre refused with a status and gave no reason.",
}


@dataclass(frozen=True, slots=True)
class Slug:
    """One code: where it stands, whether an exception carries it, and what it says."""

    code: str
    is_error: bool
    sentence: str
    place: str


def find_slugs(folder: Path = PACKAGE) -> list[Slug]:
    """Return every code below a folder once, sorted; a place with a sentence wins over one without."""
    best: dict[str, Slug] = {}
    for path in sorted(folder.rglob("*.py")):
        if "migrations" in path.parts:
            continue
        for slug in _in_file(path):
            known = best.get(slug.code)
            if known is None or (slug.is_error, len(slug.sentence)) > (known.is_error, len(known.sentence)):
                best[slug.code] = slug
    return [best[code] for code in sorted(best)]


def _in_file(path: Path) -> Iterator[Slug]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    place = path.relative_to(PACKAGE).as_posix()
    prefixes = _prefixing_functions(tree)
    for node in ast.walk(tree):
        for code in _codes(node, prefixes, parents):
            if code not in NO_CODES and not _is_a_name_of_something_else(node, parents):
                yield Slug(code, _is_error(node, parents), SENTENCES.get(code) or _sentence(node, parents), place)


def _prefixing_functions(tree: ast.Module) -> dict[str, str]:
    """Return functions that put a package's name before the code they are given: ``f"curation.{code}"``."""
    found = {}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                start = str(node.values[0].value)
                is_whole = len(node.values) == len(("prefix", "{code}")) and PREFIX.fullmatch(start)
                if is_whole and "code" in {argument.arg for argument in function.args.args}:
                    found[function.name] = start
    return found


def _codes(node: ast.AST, prefixes: dict[str, str], parents: dict[ast.AST, ast.AST]) -> Iterator[str]:
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return
    parent = parents.get(node)
    if SLUG.fullmatch(node.value) and node.value.split(".")[1] not in NOT_A_REASON:
        yield node.value
    elif isinstance(parent, ast.Call) and parent.args[:1] == [node] and isinstance(parent.func, ast.Name):
        start = prefixes.get(parent.func.id)
        if start and SLUG.fullmatch(start + node.value):
            yield start + node.value


def _enclosing(node: ast.AST, parents: dict[ast.AST, ast.AST], *kinds: type[ast.AST]) -> ast.AST | None:
    current = parents.get(node)
    while current is not None and not isinstance(current, kinds):
        current = parents.get(current)
    return current


def _is_a_name_of_something_else(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether the string is the value of an enumeration, or names a task, an event or a logger."""
    holder = _enclosing(node, parents, ast.ClassDef)
    if isinstance(holder, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in holder.bases):
        return True
    call = parents.get(node)
    if isinstance(call, ast.keyword):
        return call.arg in {"name", "kind", "object_kind", "event", "app_label"}
    named = ast.unparse(call.func).split(".")[-1] if isinstance(call, ast.Call) else ""
    return named in {"record", "getLogger", "announce", "get_logger", "info", "debug", "reverse", "log", "inc"}


def _is_error(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    call = _enclosing(node, parents, ast.Call)
    while isinstance(call, ast.Call):
        name = ast.unparse(call.func)
        if name.split(".")[-1].endswith(("Error", "Refusal")) or name == "super().__init__":
            return True
        call = _enclosing(call, parents, ast.Call)
    answer = parents.get(node)
    if isinstance(answer, ast.Dict) and any(_text(key) == "message" for key in answer.keys):
        return True
    holder = _enclosing(node, parents, ast.ClassDef)
    return isinstance(holder, ast.ClassDef) and holder.name.endswith("Error")


def _text(node: ast.AST | None) -> str:
    """Return a literal text with an ellipsis where values are put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    if isinstance(node, ast.IfExp):
        return _text(node.body)
    return ""


def _is_sentence(text: str) -> bool:
    return len(text) >= SHORTEST_SENTENCE and " " in text


def _sentence(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str:
    parent = parents.get(node)
    if isinstance(parent, ast.Dict):
        for key, value in zip(parent.keys, parent.values, strict=True):
            if (key is node or _text(key) == "message") and _is_sentence(_text(value)):
                return _text(value)
    siblings: list[ast.AST] = []
    if isinstance(parent, ast.Call):
        siblings = [*parent.args, *(keyword.value for keyword in parent.keywords)]
    elif isinstance(parent, ast.Tuple | ast.List):
        siblings = list(parent.elts)
    for sibling in siblings:
        if sibling is not node and _is_sentence(_text(sibling)):
            return _text(sibling)
    assigned = _assigned_before(node, siblings, parents)
    if assigned:
        return assigned
    return _docstring_of_error(node, parents)


def _assigned_before(node: ast.AST, siblings: list[ast.AST], parents: dict[ast.AST, ast.AST]) -> str:
    """Return the text last given, above the node, to a variable that stands beside it."""
    function = _enclosing(node, parents, ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)
    names = {sibling.id for sibling in siblings if isinstance(sibling, ast.Name)}
    text = ""
    for statement in ast.walk(function) if function else ():
        if not isinstance(statement, ast.Assign) or statement.lineno > node.lineno:
            continue
        targets = {target.id for target in statement.targets if isinstance(target, ast.Name)}
        if targets & names and _is_sentence(_text(statement.value)):
            text = _text(statement.value)
    return text


def _docstring_of_error(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str:
    """Return what an exception says of itself; what a function says of itself tells nobody why it refused."""
    holder = _enclosing(node, parents, ast.ClassDef)
    text = ast.get_docstring(holder) if isinstance(holder, ast.ClassDef) and holder.name.endswith("Error") else None
    return text.splitlines()[0] if text else ""
