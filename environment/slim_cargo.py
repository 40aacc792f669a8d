#!/usr/bin/env python3
"""What the kernel's rust-analyzer calls as cargo: cargo, but `metadata` names only the crates whose types a cell can hold.

To infer the type of a `let`, evcxr lets rust-analyzer read and analyse every crate of the dependency tree, more than
200 with polars and candle, one after the other. A cell's types come from the notebook's dependencies and from what
those depend on directly; anything else (a type that is missing then) can be written down: `let x: Type = ...`.
Builds do not come here.
"""

import json
import os
import subprocess
import sys

DEPTH = 2  # the notebook's dependencies, and theirs
PRIVATE = {"hf-hub", "ring", "ureq"}  # what downloads, of which no cell holds a type
FACADES = {"polars-core", "polars-error"}  # crates that one of those only passes on


def slim(metadata):
    """Removes the packages that are too deep below evcxr's package `ctx`; other workspaces are left as they are."""
    names = {package["id"]: package["name"] for package in metadata["packages"]}
    kept = {package for package in metadata["workspace_members"] if names[package] == "ctx"}
    if not kept or not metadata["resolve"]:
        return
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    for _ in range(DEPTH):
        kept |= {below for package in kept for below in nodes[package]["dependencies"]}
    kept |= {package for package in nodes if names[package] in FACADES}
    kept -= {package for package in nodes if names[package] in PRIVATE}
    for key in ("workspace_members", "workspace_default_members"):
        metadata[key] = [package for package in metadata[key] if package in kept]
    metadata["packages"] = [package for package in metadata["packages"] if package["id"] in kept]
    metadata["resolve"]["nodes"] = [nodes[package] for package in nodes if package in kept]
    for node in metadata["resolve"]["nodes"]:
        node["dependencies"] = [package for package in node["dependencies"] if package in kept]
        node["deps"] = [dependency for dependency in node["deps"] if dependency["pkg"] in kept]


def main():
    cargo = os.environ["TGS_SALT_CARGO"]
    os.environ["CARGO_HOME"] = os.environ["TGS_SALT_CARGO_HOME"]
    command = [cargo, *sys.argv[1:]]
    if "metadata" not in command:
        os.execv(cargo, command)
    answer = subprocess.run(command, stdout=subprocess.PIPE)
    try:
        metadata = json.loads(answer.stdout)
        slim(metadata)
        sys.stdout.write(json.dumps(metadata))
    except (ValueError, KeyError, TypeError):  # not what is known of it: all crates are better than none
        sys.stdout.write(answer.stdout.decode())
    sys.exit(answer.returncode)


if __name__ == "__main__":
    main()
