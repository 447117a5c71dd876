"""The rooms import one way, and the command line starts light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ["transcribe", "analyse", "search", "pipeline"]  # each may import itself and those before it
HEAVY = {
    "av", "ctranslate2", "faster_whisper", "jinja2", "msgspec", "numpy", "pandas", "pyarrow", "rapidfuzz", "rich",
    "starlette", "tantivy", "torch",
}  # fmt: skip


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_one_way(room: str) -> None:
    later = set(ROOMS[ROOMS.index(room) + 1 :])
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} has a relative import"
                names = [node.module or ""]
            wrong = {n.split(".")[0] for n in names} & later
            assert not wrong, f"{path}:{getattr(node, 'lineno', 0)} imports {wrong}"


def test_only_the_command_line_prints_or_exits() -> None:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            if path.name in {"cli.py", "show.py"}:
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    called = ast.unparse(node.func)
                    assert called not in {"print", "exit", "sys.exit"}, f"{path}:{node.lineno} calls {called}"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['onrecord', '--help']\n"
        "from pipeline.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print('HEAVY', sorted({HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "HEAVY []" in done.stdout
    assert "Recorded council meetings in" in done.stdout
