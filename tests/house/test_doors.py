"""Doors: the only places that may catch everything, print, read the environment or log."""

import ast

from tests.house.reading import PACKAGE, listing, modules

# Each catches whatever happens, records it, and goes on: that is what a door is for.
BROAD_EXCEPT_DOORS = {
    "apps/cli.py": "the command line",
    "apps/worker.py": "the worker's loop",
    "apps/supervisor.py": "the supervisor's loop",
    "apps/doctor.py": "each check of the doctor",
    "apps/web.py": "the HTTP door",
    "apps/django_settings.py": "settings are read by other people's programs too",
    "dicom/isolation.py": "the limited child process",
    "server/journey/services.py": "delivery of one fact must not stop the next",
    "server/platform/problems.py": "the HTTP door",
}
MAY_READ_ENVIRONMENT = (
    "apps/",
    "edge/commands/options.py",
    "server/platform/settings.py",
    "server/platform/postgres.py",
)
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
UNLOGGABLE = {
    "patient_id", "patient_name", "path", "file", "filename", "file_name", "dataset", "header", "value", "accession_number",
    "study_description", "series_description", "source", "token", "plain", "password", "secret", "original_patient_id",
}  # fmt: skip


def place(module) -> str:
    return module.path.relative_to(PACKAGE).as_posix()


def test_everything_is_caught_at_the_doors_only():
    problems = []
    for module in modules():
        for node in module.walk(ast.ExceptHandler):
            caught = "BaseException" if node.type is None else ast.unparse(node.type)
            if not {"Exception", "BaseException"} & set(caught.strip("()").split(", ")):
                continue
            raises_again = any(isinstance(last, ast.Raise) for last in node.body)
            if not raises_again and place(module) not in BROAD_EXCEPT_DOORS:
                problems.append(f"{module.at(node)} except {caught}")
    assert not problems, listing(problems, "Catch what you expect; only doors catch everything:")


def test_nothing_is_printed():
    problems = [
        module.at(node)
        for module in modules()
        for node in module.walk(ast.Call)
        if isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not problems, listing(problems, "Use click.echo at the command line, a logger elsewhere:")


def test_the_environment_is_read_by_settings_and_applications_only():
    problems = []
    for module in modules():
        if place(module).startswith(MAY_READ_ENVIRONMENT):
            continue
        problems += [
            module.at(node) for node in module.walk(ast.Attribute) if ast.unparse(node) in {"os.environ", "os.getenv"}
        ]
    assert not problems, listing(problems, "Settings are read once, in server/platform/settings.py:")


def test_logs_carry_no_identifier_file_name_or_header_value():
    problems = []
    for module in modules():
        for call in module.walk(ast.Call):
            if not (isinstance(call.func, ast.Attribute) and call.func.attr in LOG_METHODS):
                continue
            if "log" not in ast.unparse(call.func.value).lower():
                continue
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            names = {node.id for value in given for node in ast.walk(value) if isinstance(node, ast.Name)}
            names |= {node.attr for value in given for node in ast.walk(value) if isinstance(node, ast.Attribute)} - {
                "value"
            }
            if told := names & UNLOGGABLE:
                problems.append(f"{module.at(call)} logs {', '.join(sorted(told))}")
    assert not problems, listing(problems, "Logs hold counts, codes and our own ids:")


def test_children_are_never_started_through_a_shell():
    problems = [
        module.at(call)
        for module in modules()
        for call in module.walk(ast.Call)
        if any(keyword.arg == "shell" and ast.unparse(keyword.value) == "True" for keyword in call.keywords)
        or ast.unparse(call.func) in {"os.system", "os.popen"}
    ]
    assert not problems, listing(problems, "Start programs with a list of arguments:")
