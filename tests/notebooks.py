"""Executes notebooks with the Rust kernel and fails on the first cell that ends in an error.

    notebooks.py [NOTEBOOK...]         each (default: all) executed in memory, nothing written
    notebooks.py --in-place NOTEBOOK   the notebook's outputs replaced by the new ones
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"


def execute(path, in_place):
    """Runs one notebook in its own folder, so that relative paths in it hold."""
    start = time.monotonic()
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=3600,
        startup_timeout=600,
        kernel_name="rust",
        record_timing=False,
        coalesce_streams=True,  # evcxr sends a message per line
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        sys.exit(f"error: {path.name} failed:\n{error}")
    if in_place:
        nbformat.write(notebook, path)
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    print(f"{path.name}: {cells} code cells ran without an error in {time.monotonic() - start:.0f} s", flush=True)


def main():
    arguments = sys.argv[1:]
    in_place = "--in-place" in arguments
    chosen = [Path(a).resolve() for a in arguments if a != "--in-place"]
    notebooks = chosen or sorted(FOLDER.glob("*.ipynb"))
    for path in notebooks:
        execute(path, in_place)
    print(f"notebooks: {len(notebooks)} executed, 0 failed")


if __name__ == "__main__":
    main()
