"""The walls: who may import whom, what points where, and what stays pure."""

import ast
import subprocess
import sys

import pytest
from django.apps import apps as django_apps
from tests.house.reading import PACKAGE, ROOT, functions, listing, modules

# From the cellar to the roof; rooms of one floor share a line. The import contracts hold the same order.
FLOORS = (
    {"platform"},
    {"sites"},
    {"archive"},
    {"intake", "curation", "clinical", "annotation", "linkage"},
    {"catalog"},
    {"releases"},
    {"analyses", "access"},
    {"journey"},
    {"portal"},
)
FURNITURE = {
    "models", "rules", "services", "queries", "api", "views", "tasks", "commands", "errors", "apps", "migrations",
    "templates", "static", "scopes", "urls",
}  # fmt: skip
IMPURE = {"django", "ninja", "starlette", "os", "pathlib", "socket", "subprocess", "httpx", "random", "time", "secrets"}


def floor_of(room: str) -> int:
    return next(index for index, rooms in enumerate(FLOORS) if room in rooms)


def test_import_contracts_hold():
    lint = ROOT / ".venv" / "bin" / "lint-imports"
    command = (
        [str(lint)]
        if lint.exists()
        else [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    )
    answer = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_package_of_the_pure_floors_is_kept_from_the_server():
    text = (ROOT / ".importlinter").read_text()
    contract = text.split("[importlinter:contract:no-server-at-the-edge]")[1].split("[importlinter:")[0]
    source = contract.split("forbidden_modules")[0]

    for name in ("dicom", "deid", "transfer", "quantify", "stats", "edge", "client"):
        if (PACKAGE / name).is_dir():
            assert f"radcommons.{name}\n" in source, f"add radcommons.{name} to the contract no-server-at-the-edge"


def test_foreign_keys_point_downstairs_or_stay_at_home():
    problems = []
    for model in django_apps.get_models():
        room = model.__module__.removeprefix("radcommons.server.").split(".")[0]
        if not model.__module__.startswith("radcommons.server."):
            continue
        for field in model._meta.get_fields():
            if not (field.is_relation and field.concrete and field.related_model):
                continue
            target = field.related_model.__module__
            if not target.startswith("radcommons.server."):
                continue
            other = target.removeprefix("radcommons.server.").split(".")[0]
            if other != room and floor_of(other) >= floor_of(room):
                problems.append(f"{room}.{model.__name__}.{field.name} → {other}.{field.related_model.__name__}")
    assert not problems, listing(problems, "A foreign key may point only to a lower floor; announce a fact instead:")


def test_rules_know_values_only():
    problems = []
    for module in modules("src/radcommons/server"):
        if module.path.stem != "rules" and "rules" not in module.path.parts:
            continue
        for node in module.walk(ast.Import, ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            problems += [f"{module.at(node)} imports {name}" for name in names if name.split(".")[0] in IMPURE]
            problems += [
                f"{module.at(node)} imports {name}"
                for name in names
                if name.endswith((".models", ".services", ".queries"))
            ]
        for node in module.walk(ast.Call):
            called = ast.unparse(node.func)
            if called in {"open", "print", "datetime.now", "timezone.now", "date.today", "datetime.datetime.now"}:
                problems.append(f"{module.at(node)} calls {called}()")
    assert not problems, listing(problems, "rules.py decides about values; give it what it needs to know:")


def test_own_modules_are_never_imported_late():
    problems = [
        module.at(node)
        for module in modules()
        for function in functions(module)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not problems, listing(problems, "Import at the top of the file; a late import hides a cycle:")


# Django names the session engine in its settings; the text recogniser, and what reads buckets, are extras that may be absent and
# are loaded when they are asked for: there is no other way to these. Limited processes load what their parent must not hold.
MAY_IMPORT_BY_NAME = {
    "src/radcommons/dicom/isolation.py",
    "src/radcommons/server/platform/actors.py",
    "src/radcommons/deid/pixels/models.py",
    "src/radcommons/client/list_commands.py",
}


def test_strings_that_import_exist_in_the_applications_only():
    problems = []
    for module in modules():
        if module.path.is_relative_to(PACKAGE / "apps") or module.name in MAY_IMPORT_BY_NAME:
            continue
        for node in module.walk(ast.Call):
            called = ast.unparse(node.func).split(".")[-1]
            if called in {"import_module", "__import__", "get_model", "import_string"}:
                problems.append(f"{module.at(node)} {called}")
    assert not problems, listing(problems, "Only apps may import by name:")


# What is about to be deleted has to be locked whole.
MAY_LOCK_KEYS = {"src/radcommons/server/archive/services/purging.py"}


def test_rows_are_locked_without_their_keys():
    problems = [
        module.at(node)
        for module in modules("src/radcommons/server")
        if module.name not in MAY_LOCK_KEYS
        for node in module.walk(ast.Call)
        if ast.unparse(node.func).endswith(".select_for_update") and "no_key=True" not in ast.unparse(node)
    ]
    assert not problems, listing(
        problems,
        "References are checked at commit, after the audit chain is taken: who locks a key can wait for the chain for ever:",
    )


def test_rooms_do_not_talk_by_django_signals():
    problems = [
        module.at(node)
        for module in modules("src/radcommons/server")
        for node in module.walk(ast.ImportFrom)
        if node.module and node.module.startswith(("django.dispatch", "django.db.models.signals"))
    ]
    assert not problems, listing(problems, "Rooms talk by facts in the outbox, not by Django signals:")


@pytest.mark.parametrize("room", sorted(set.union(*FLOORS) - {"platform", "portal"}))
def test_a_room_has_the_same_furniture_as_every_other(room):
    folder = PACKAGE / "server" / room
    if not (folder / "__init__.py").exists():
        return
    problems = [str(module.name) for module in modules(f"src/radcommons/server/{room}") if module.path.stem == "model"]

    assert not problems, listing(problems, "The tables of a room are in models.py:")
    assert (folder / "apps.py").exists(), f"{room} needs an apps.py with an AppConfig labelled {room!r}"
    assert django_apps.get_app_config(room).name == f"radcommons.server.{room}"
    if (folder / "models.py").exists() or (folder / "models").is_dir():
        assert (folder / "migrations" / "__init__.py").exists(), f"{room} has tables and no migrations"


def test_only_services_write_tables():
    """Doors and queries change nothing by themselves: no save, create, update or delete of rows."""
    writing = {"bulk_create", "bulk_update", "get_or_create", "update_or_create", "aupdate", "asave", "acreate"}
    problems = []
    for module in modules("src/radcommons/server"):
        if module.path.stem not in {"views", "api", "queries", "commands"}:
            continue
        for node in module.walk(ast.Call):
            if not isinstance(node.func, ast.Attribute):
                continue
            text = ast.unparse(node.func)
            if node.func.attr in writing or (".objects" in text and node.func.attr in {"create", "update", "delete"}):
                problems.append(f"{module.at(node)} {text}")
    assert not problems, listing(problems, "A room's tables are written by its services.py alone:")


def test_every_app_has_migrations_for_its_models():
    command = [sys.executable, "-m", "django", "makemigrations", "--check", "--dry-run"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert answer.returncode == 0, f"Models and migrations differ; run makemigrations:\n{answer.stdout}{answer.stderr}"
