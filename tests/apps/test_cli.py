import json
import subprocess
import sys

HEAVY = ("django", "pydicom", "numpy", "duckdb", "httpx", "starlette")


def _run(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "radcommons", *words], capture_output=True, text=True, env=env, check=False
    )


def test_help_names_every_command_and_loads_nothing_heavy():
    probe = (
        "import sys; from radcommons.apps.cli import radcommons, COMMANDS\n"
        "try: radcommons(['--help'])\n"
        "except SystemExit: pass\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("demo", "serve", "edge", "download", "release"))


def test_a_directory_without_a_centre_is_refused_with_an_exit_code_by_kind(tmp_path):
    done = _run("sites", "list", "--data", str(tmp_path), env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
    assert done.returncode == 66
    assert "no centre" in done.stderr


def test_the_centre_is_named_in_front_of_a_command_or_behind_it_and_help_says_so(tmp_path):
    alone = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    for words in (("--data", str(tmp_path), "sites", "list"), ("sites", f"--data={tmp_path}", "list")):
        done = _run(*words, env=alone)
        assert (done.returncode, str(tmp_path) in done.stderr) == (66, True), done.stderr
    assert "--data DIR" in _run("release", "draft", "--help", env=alone).stdout
    done = _run("sites", "list", "--data", env=alone)
    assert (done.returncode, "requires an argument" in done.stderr) == (2, True), done.stderr


def test_errors_are_one_json_object_when_json_was_asked_for(tmp_path):
    done = _run(
        "sites", "list", "--json", "--data", str(tmp_path), env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    )
    assert json.loads(done.stderr)["code"] == "platform.not-found"


def test_a_port_that_no_machine_has_is_a_usage_error():
    for command in ("demo", "serve"):
        done = _run(command, "--port", "99999")
        assert done.returncode == 2
        assert "65535" in done.stderr


def test_the_hospitals_commands_are_listed_in_the_order_of_the_work():
    lines = _run("edge", "--help").stdout.partition("Commands:")[2].split("\n")
    words = [line.split()[0] for line in lines if line.strip()]
    assert [word for word in words if word in {"init", "scan", "select", "deidentify", "review", "verify", "send"}] == [
        "init",
        "scan",
        "select",
        "deidentify",
        "review",
        "verify",
        "send",
    ]


def test_an_unknown_command_is_a_usage_error():
    assert _run("nonsense").returncode == 2


def test_a_full_disk_is_one_line_and_no_traceback():
    probe = (
        "import sys, types, click; from radcommons.apps import cli\n"
        "def fill():\n"
        "    with open('/dev/full', 'w') as stream: stream.write('x')\n"
        "sys.modules['filling'] = types.SimpleNamespace(fill=click.command()(fill))\n"
        "cli.COMMANDS['fill'] = cli.Entry('filling', 'fill', 'Fill the disk.')\n"
        "sys.argv = ['radcommons', 'fill']\n"
        "cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 69
    assert done.stderr.splitlines() == [
        "There is no room left on the disk. Make room and run the same command again. [cli.disk-full]"
    ]
