"""Runs the cookbook's notebooks; a notebook in, its outputs or what is wrong out.

Each runs in a fresh kernel, in its own folder, without a key, so on the emulator. It
fails on an exception, on anything on stderr, on an output that is not the committed
one, and on metadata of somebody's machine. Pictures only have to be there.

    .ci/notebooks.py [NAME | PATH.ipynb ...] [--write]

Without names all of `cookbook/` run. `--write` stores the outputs instead of comparing
them. A notebook that needs more than the package does says so in its metadata, with a
marker of PEP 508: `"only_if": "python_version >= '3.11'"`.
"""

from __future__ import annotations

import argparse
import copy
import difflib
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from packaging.markers import Marker

COOKBOOK = Path(__file__).resolve().parent.parent / "cookbook"
SECONDS_FOR_A_CELL = 180
# A reader's key, tracing and layout would change what is answered and where it goes.
NOT_FOR_KERNELS = ("MINIMAX_", "LANGCHAIN_", "LANGSMITH_", "LC_OUTPUT_VERSION")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def main() -> None:
    """Runs what was asked for, and exits with 1 if any of it is not in order."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--write", action="store_true", help="store the outputs")
    asked = parser.parse_args()
    paths = [find(name) for name in asked.names] or sorted(COOKBOOK.glob("*.ipynb"))
    if not paths:
        sys.exit(f"There is no notebook in {COOKBOOK}.")
    wrong = [path.stem for path in paths if not in_order(path, write=asked.write)]
    if wrong:
        sys.exit(f"Not in order: {', '.join(wrong)}.")


def find(name: str) -> Path:
    path = Path(name) if name.endswith(".ipynb") else COOKBOOK / f"{name}.ipynb"
    if not path.is_file():
        sys.exit(f"There is no notebook {path}.")
    return path


def in_order(path: Path, *, write: bool) -> bool:
    """Runs a notebook, tells how it went, and stores it if that is wanted."""
    stored = nbformat.read(path, as_version=4)
    needs = stored.metadata.get("only_if")
    if needs and not Marker(needs).evaluate():
        print(f"{path.stem}: left out, it runs only if {needs}")
        return True
    began = time.monotonic()
    ran = tidy(stored)
    complaints = list(hidden(stored)) or list(execute(ran, path.parent))
    if not complaints and write:
        nbformat.write(ran, path)
    elif not complaints:
        complaints = list(compare(stored, ran))
    print(
        f"{path.stem}: {'wrong' if complaints else 'ok'}, "
        f"{time.monotonic() - began:.1f} s",
        *complaints,
        sep="\n",
        flush=True,
    )
    return not complaints


def tidy(notebook: NotebookNode) -> NotebookNode:
    """The same notebook before it ran, with nothing in it of who ran it."""
    metadata = {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    if needs := notebook.metadata.get("only_if"):
        metadata["only_if"] = needs
    cells = [NotebookNode(cell) for cell in notebook.cells]
    for cell in cells:
        tags = cell.metadata.get("tags")
        cell.metadata = NotebookNode({"tags": tags} if tags else {})
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nbformat.from_dict(
        {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    )


def hidden(notebook: NotebookNode) -> Iterator[str]:
    """What would hide a failure."""
    if not any(code_cells(notebook)):
        yield "there is nothing to run"
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "raw":
            yield f"cell {number} is raw and would not be run"
    for number, cell in code_cells(notebook):
        if re.search(r"^\s*(!|%%capture|%%(ba)?sh)", cell.source, re.MULTILINE):
            yield f"cell {number} has a command whose failure would not show"


def execute(notebook: NotebookNode, folder: Path) -> Iterator[str]:
    """Fills in the outputs; tells what went wrong."""
    metadata = copy.deepcopy(notebook.metadata)
    with tempfile.TemporaryDirectory() as mine:
        client = NotebookClient(
            notebook,
            km=kernel(Path(mine)),
            timeout=SECONDS_FOR_A_CELL,
            resources={"metadata": {"path": str(folder)}},
            record_timing=False,
            coalesce_streams=True,
            force_raise_errors=True,
            skip_cells_with_tag="",
        )
        try:
            client.execute(env=environment(Path(mine)), cleanup_kc=True)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            yield _COLOUR.sub("", str(error)).strip()
    notebook.metadata = metadata  # nbclient adds this interpreter's version
    for number, cell in code_cells(notebook):
        for output in cell.outputs:
            if output.get("name") == "stderr":
                yield f"cell {number} says on stderr:\n{output.text.rstrip()}"


def kernel(mine: Path) -> AsyncKernelManager:
    """This very interpreter's kernel, whichever others are installed."""
    return AsyncKernelManager(
        kernel_name="python3",
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        transport="ipc",
        connection_file=str(mine / "kernel.json"),
    )


def environment(mine: Path) -> dict[str, str]:
    """This process's, without what a reader may have set up for themselves."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(NOT_FOR_KERNELS)
    }
    return {**kept, "IPYTHONDIR": str(mine / "ipython")}


def compare(stored: NotebookNode, ran: NotebookNode) -> Iterator[str]:
    """What of the stored notebook is not as `--write` would have left it."""
    for (number, before), (_, after) in zip(
        code_cells(stored), code_cells(ran), strict=True
    ):
        if said(before.outputs) != said(after.outputs):
            yield "\n".join(
                difflib.unified_diff(
                    said(before.outputs),
                    said(after.outputs),
                    f"cell {number}, committed",
                    f"cell {number}, now",
                    lineterm="",
                )
            )
        elif before.execution_count != after.execution_count:
            yield f"cell {number} was not run in its place: use --write"
    if tidy(stored).metadata != stored.metadata or any(
        set(cell.metadata) - {"tags"} for cell in stored.cells
    ):
        yield "metadata of somebody's machine: use --write"


def code_cells(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """The cells that run, by their places among all, the first being 1."""
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "code":
            yield number, cell


def said(outputs: Iterable[NotebookNode]) -> list[str]:
    """Lines that are equal where the outputs are."""
    return [line for output in outputs for line in lines(output)]


def lines(output: NotebookNode) -> Iterator[str]:
    if output.output_type == "stream":
        yield f"[{output.name}]"
        yield from output.text.split("\n")
        return
    for kind, content in sorted(output.get("data", {}).items()):
        yield f"[{output.output_type} {kind}]"
        if not kind.startswith("image/"):
            yield from text(content).split("\n")


def text(content: Any) -> str:
    return content if isinstance(content, str) else repr(content)


if __name__ == "__main__":
    main()
