"""The tool that runs the cookbook's notebooks, and the notebooks' links.

That the notebooks themselves run is `make notebooks`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs the group `notebooks`")
pytest.importorskip("nbclient", reason="needs the group `notebooks`")

from nbformat.v4 import (  # noqa: E402
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
    new_raw_cell,
)

ROOT = Path(__file__).resolve().parent.parent
TOOL = ROOT / ".ci" / "notebooks.py"
PICTURE = "iVBORw0KGgo="
SHOW_A_PICTURE = (
    "from IPython.display import Image, display\n"
    f"import base64\ndisplay(Image(base64.b64decode({PICTURE!r}), format='png'))"
)
WHERE_AM_I = "import os, pathlib\nprint(pathlib.Path('beside.txt').read_text())"
MY_SECRETS = "import os\nprint([name for name in os.environ if 'MINIMAX' in name])"


def printed(text: str) -> list:
    return [new_output("stream", name="stdout", text=text)]


def picture(data: str, told: str = "<IPython.core.display.Image object>") -> list:
    return [new_output("display_data", {"image/png": data, "text/plain": told})]


# What the cell says, what is committed of it, and what the tool has to answer.
CASES = {
    "fine": ("print(1 + 1)", printed("2\n"), "ok"),
    "in_its_folder": (WHERE_AM_I, printed("here\n"), "ok"),
    "without_a_key": (MY_SECRETS, printed("[]\n"), "ok"),
    "another_picture": (SHOW_A_PICTURE, picture("AAAA"), "ok"),
    "raises": ("1 / 0", [], "ZeroDivisionError: division by zero"),
    "raises_as_committed": (
        "raise ValueError('as always')",
        [new_output("error", ename="ValueError", evalue="as always", traceback=[])],
        "ValueError: as always",
    ),
    "warns": (
        "import warnings\nwarnings.warn('on thin ice')",
        [],
        "UserWarning: on thin ice",
    ),
    "warns_as_committed": (
        "import sys\nprint('oh', file=sys.stderr)",
        [new_output("stream", name="stderr", text="oh\n")],
        "cell 2 says on stderr:\noh",
    ),
    "differs": ("print(1 + 1)", printed("3\n"), "-3\n+2"),
    "never_ran": ("print(1 + 1)", [], "+[stdout]\n+2"),
    "says_no_more": ("x = 2", printed("2\n"), "-[stdout]\n-2"),
    "no_picture": ("1 + 1", picture(PICTURE, "2"), "-[display_data image/png]"),
    "shell": ("!false", [], "cell 2 has a command whose failure would not show"),
    "capture": (
        "%%capture\nimport sys\nprint('oh', file=sys.stderr)",
        [],
        "cell 2 has a command whose failure would not show",
    ),
    "dies": ("import os\nos._exit(3)", [], "Kernel died"),
}


def write(path: Path, source: str, outputs: list, **metadata: object) -> None:
    code = new_code_cell(source, outputs=outputs, execution_count=1)
    notebook = new_notebook(
        cells=[new_markdown_cell("# A title"), code],
        metadata={
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
            **metadata,
        },
    )
    nbformat.write(notebook, path)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, TOOL, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "MINIMAX_API_KEY": "sk-api-of-the-reader"},
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the tool says of each case, all of them in one run."""
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "beside.txt").write_text("here")
    for name, (source, outputs, _) in CASES.items():
        write(folder / f"{name}.ipynb", source, outputs)
    done = run(*(folder / f"{name}.ipynb" for name in CASES))
    assert done.returncode == 1
    bad = [name for name, (_, _, answer) in CASES.items() if answer != "ok"]
    assert done.stderr.splitlines()[-1] == f"Not in order: {', '.join(bad)}."
    parts = re.split(r"^(\w+): (?=ok, |wrong, )", done.stdout, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", CASES)
def test_it_sees_what_is_wrong(name: str, told: dict[str, str]) -> None:
    answer = CASES[name][2]
    assert told[name].startswith("ok, " if answer == "ok" else "wrong, ")
    assert answer in told[name]


def test_what_it_writes_it_accepts_and_writes_again(tmp_path: Path) -> None:
    path = tmp_path / "new.ipynb"
    write(path, "print(6 * 7)\n6 * 7", [], authors=["somebody"])
    assert "metadata of somebody's machine" in run(path).stdout
    assert run(path, "--write").returncode == 0
    written = path.read_bytes()
    assert b"42" in written
    assert b"somebody" not in written
    checked = run(path)
    assert checked.returncode == 0, checked.stdout
    assert run(path, "--write").returncode == 0
    assert path.read_bytes() == written


def test_it_writes_nothing_of_one_that_fails(tmp_path: Path) -> None:
    path = tmp_path / "raises.ipynb"
    write(path, "1 / 0", [])
    before = path.read_bytes()
    assert run(path, "--write").returncode == 1
    assert path.read_bytes() == before


def test_tags_excuse_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tagged.ipynb"
    write(path, "1 / 0", [])
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].metadata["tags"] = ["skip-execution", "raises-exception"]
    nbformat.write(notebook, path)
    done = run(path)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout


def test_one_for_a_later_python_is_left_out_aloud(tmp_path: Path) -> None:
    path = tmp_path / "later.ipynb"
    write(path, "1 / 0", [], only_if="python_version >= '99'")
    done = run(path)
    assert done.returncode == 0
    assert done.stdout == "later: left out, it runs only if python_version >= '99'\n"


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([new_markdown_cell("Nothing.")], "there is nothing to run"),
        (
            [new_code_cell("1"), new_raw_cell("1 / 0")],
            "cell 2 is raw and would not be run",
        ),
    ],
)
def test_what_would_not_be_run_is_told(tmp_path: Path, cells: list, words: str) -> None:
    path = tmp_path / "odd.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    done = run(path)
    assert done.returncode == 1
    assert words in done.stdout


def test_a_name_that_is_none_is_no_success() -> None:
    done = run("no_such_notebook")
    assert done.returncode == 1
    assert "There is no notebook" in done.stderr


@pytest.mark.parametrize(
    "path", sorted((ROOT / "cookbook").glob("*.ipynb")), ids=lambda path: path.stem
)
def test_links_of_the_notebooks_lead_somewhere(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    for target in re.findall(r"\]\(([^)#\s]+)", "\n".join(texts)):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_the_guide_shows_the_embeddings_of_the_notebook() -> None:
    guide = (ROOT / "docs" / "guides" / "embeddings.md").read_text(encoding="utf-8")
    notebook = nbformat.read(ROOT / "cookbook" / "rag.ipynb", as_version=4)
    [shown] = re.findall(r"^```text\n(.+?)\n```$", guide, re.DOTALL | re.MULTILINE)
    assert any(cell.source.startswith(shown) for cell in notebook.cells)


def test_the_cookbooks_readme_has_all_of_it_and_nothing_else() -> None:
    folder = ROOT / "cookbook"
    text = (folder / "README.md").read_text("utf-8")
    listed = dict(re.findall(r"^\[(\w+)\]: (\S+)$", text, re.MULTILINE))
    shown = re.findall(r"^\| \[[^]]+\]\[(\w+)\] \|", text, re.MULTILINE)
    assert set(shown) == set(listed)
    parts = {path.name for kind in ("*.ipynb", "*.py") for path in folder.glob(kind)}
    assert set(listed.values()) == (parts - {"somewhere.py"}) | {"chat_app", "batch"}
