"""Runs the test suite on each Python from 3.10 to 3.13 that this machine has.

Then once more on the lowest of them, with the lowest versions that pyproject.toml
allows (lowest.txt). Looks for interpreters on PATH and in pyenv's folder; those that
are missing are named and skipped. Arguments choose runs: `matrix.py 3.12 lowest`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
LOWEST = ROOT / ".ci" / "lowest.txt"
PYTEST = (
    *("-m", "pytest", "-q"),
    # A test that hangs ends the run, and says where.
    *("-o", "faulthandler_timeout=120", "-o", "faulthandler_exit_on_timeout=true"),
)


def find(version: str) -> Path | None:
    """An interpreter that says itself that it has this version."""
    return next((path for path in candidates(version) if answers(path, version)), None)


def candidates(version: str) -> Iterator[Path]:
    """Where an interpreter may be; one on PATH may be a pyenv shim of nothing."""
    yield Path(sys.executable)
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))


def answers(python: Path, version: str) -> bool:
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        told = subprocess.run(
            [python, "-c", ask], check=False, capture_output=True, text=True
        )
    except OSError:
        return False
    return told.returncode == 0 and told.stdout.strip() == version


def prepare(python: Path, name: str, *, lowest: bool) -> Path:
    """The interpreter of a virtual environment that holds what the tests need.

    One that is there already is used again, unless the files that say what goes into
    it have changed.
    """
    venv = ROOT / f".venv-{name}"
    mine = venv / "bin" / "python"
    recipe = (ROOT / "pyproject.toml").read_bytes() + LOWEST.read_bytes() * lowest
    wanted = hashlib.sha256(recipe).hexdigest()
    stamp = venv / ".ready"
    if stamp.exists() and stamp.read_text() == wanted:
        return mine
    run(python, "-m", "venv", "--clear", venv)
    install = (mine, "-m", "pip", "install", "-qq")
    run(*install, "--upgrade", "pip>=25.1")  # older ones know no --group
    run(*install, "--editable", ".[testing,langchain]", "--group", "test")
    if lowest:
        # Afterwards, and not as constraints from the start: langchain-tests asks for
        # a newer httpx than we do, though it runs with ours.
        run(*install, "--requirement", LOWEST)
    stamp.write_text(wanted)
    return mine


def run(*command: str | Path) -> None:
    subprocess.run(command, cwd=ROOT, check=True)


def test(python: Path) -> tuple[bool, str]:
    """Whether all tests passed, and pytest's last line."""
    offline = {k: v for k, v in os.environ.items() if k != "MINIMAX_API_KEY"}
    pytest = subprocess.Popen(
        [python, *PYTEST],
        cwd=ROOT,
        env=offline,
        stdout=subprocess.PIPE,
        text=True,
    )
    last = "no summary"
    for line in pytest.stdout or ():
        print(line, end="", flush=True)
        if " passed" in line or " failed" in line or " error" in line:
            last = line.strip("= \n")
    return pytest.wait() == 0, last


def attempt(python: Path, name: str, *, lowest: bool = False) -> tuple[bool, str]:
    """One line of the matrix."""
    print(f"\n== {name}", flush=True)
    began = time.monotonic()
    try:
        passed, words = test(prepare(python, name, lowest=lowest))
    except subprocess.CalledProcessError as error:
        passed, words = False, f"could not be installed: {error}"
    verdict = "passed" if passed else "FAILED"
    return passed, f"{name:<12} {verdict}  {words} [{time.monotonic() - began:.0f} s]"


def main(chosen: list[str]) -> int:
    looked_up = {version: find(version) for version in VERSIONS}
    found = {version: python for version, python in looked_up.items() if python}
    results = [
        attempt(python, version)
        for version, python in found.items()
        if not chosen or version in chosen
    ]
    if found and (not chosen or "lowest" in chosen):
        version, python = next(iter(found.items()))
        results.append(attempt(python, f"{version}-lowest", lowest=True))
    print("\n== summary")
    for _, line in results:
        print(line)
    for version in sorted({*VERSIONS} - found.keys()):
        print(f"{version:<12} not found, skipped")
    return 0 if results and all(passed for passed, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
