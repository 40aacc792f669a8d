"""Starts the Rust kernel of a notebook in a build folder that is kept, so that dependencies are built once.

evcxr builds each kernel in a temporary folder. Here every running kernel holds a numbered folder under .cache/evcxr,
locked as long as any of its processes lives, and the next kernel finds everything built. Cargo decides what is fresh,
as in any target folder: an edited crate is rebuilt. The folder is a workspace of two packages: `kernel`, which evcxr
writes, and `pin`, which depends on this crate so that this repository's Cargo.lock holds, also offline.

    kernel.py --install        write the kernel spec into this Python's environment
    kernel.py CONNECTION_FILE  what Jupyter runs
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KEPT = ROOT / ".cache" / "evcxr"
SETTINGS = {
    "CARGO_PROFILE_DEV_RPATH": "true",  # a cell finds the standard library's shared object
    "CARGO_PROFILE_DEV_DEBUG": "false",  # a cell links faster, and its symbols are kept for backtraces
    "CARGO_PROFILE_DEV_STRIP": "debuginfo",
}
KERNELS = 4  # at once in a kept folder; a fifth gets a temporary one

# A workspace's profile replaces the one that evcxr writes for its package. The numeric crates and ours are optimised,
# the rest is built fast: optimising all of polars would make the first build three times longer.
WORKSPACE = """[workspace]
members = ["kernel", "pin"]
resolver = "3"

{profiles}
[profile.dev.package.tgs_salt]
opt-level = 2
"""
PIN = """[package]
name = "pin"
version = "0.0.0"
edition = "2024"

[dependencies]
tgs_salt = {{ path = {root} }}
"""


def install():
    """Writes the kernel spec `rust` where the Jupyter of this Python looks first."""
    folder = Path(sys.prefix) / "share" / "jupyter" / "kernels" / "rust"
    folder.mkdir(parents=True, exist_ok=True)
    spec = {
        "argv": [sys.executable, str(HERE / "kernel.py"), "{connection_file}"],
        "display_name": "Rust",
        "language": "rust",
        "interrupt_mode": "message",
    }
    (folder / "kernel.json").write_text(json.dumps(spec, indent=2) + "\n")
    print(f"kernel spec: {folder}")


def lock(path, inherited=False):
    """Locks a file as long as this process (or, inherited, any child of it) lives; False where another has it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return False
    os.set_inheritable(handle, inherited)
    return True


def folders():
    return [KEPT / f"kernel{number}" for number in range(KERNELS)]


def take_folder():
    """The first folder that no running kernel holds, or None."""
    for folder in folders():
        folder.mkdir(parents=True, exist_ok=True)
        if lock(folder / "lock", inherited=True):
            return folder
    return None


def fill(folder):
    """Copies what another folder has built, held still by cargo's own locks; where that fails, cargo builds it."""
    target = folder / "kernel" / "target"
    for other in folders():
        source = other / "kernel" / "target"
        cargo_locks = list(source.glob("**/debug/.cargo-lock"))
        if target.exists() or not cargo_locks or not all(lock(path) for path in cargo_locks):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name("target.part")
        shutil.rmtree(part, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", source, part], check=True)
        part.rename(target)


def profiles():
    """The sections of this repository's Cargo.toml whose name starts with `profile.dev`."""
    kept, inside = [], False
    for line in (ROOT / "Cargo.toml").read_text().splitlines():
        if line.startswith("["):
            inside = line.startswith("[profile.dev")
        if inside:
            kept.append(line)
    return "\n".join(kept)


def write(path, text):
    """Writes where the content differs, since cargo goes by the time of a change."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def prepare(folder):
    """Lays out the workspace. What another compiler built is removed; all else cargo judges by itself."""
    compiler = subprocess.run(["rustc", "-vV"], capture_output=True, check=True, text=True).stdout
    built_by = folder / "compiler"
    if built_by.exists() and built_by.read_text() != compiler:
        shutil.rmtree(folder / "kernel" / "target", ignore_errors=True)
    write(built_by, compiler)
    fill(folder)
    write(folder / "Cargo.toml", WORKSPACE.format(profiles=profiles()))
    write(folder / "pin" / "Cargo.toml", PIN.format(root=json.dumps(str(ROOT))))
    write(folder / "pin" / "src" / "lib.rs", "")
    locked, seen = (ROOT / "Cargo.lock").read_text(), folder / "repository.lock"
    if not seen.exists() or seen.read_text() != locked:  # cargo adds the two packages to its own copy
        write(folder / "Cargo.lock", locked)
        write(seen, locked)


def slim_analysis(settings):
    """Lets rust-analyzer, which looks for cargo in CARGO_HOME, find slim_cargo.py; evcxr's own builds keep the real one."""
    home = KEPT / "analysis"
    cargo = home / "bin" / "cargo"
    cargo.parent.mkdir(parents=True, exist_ok=True)
    if not cargo.is_symlink():
        cargo.symlink_to(HERE / "slim_cargo.py")
    real_home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    write(home / "init.evcxr", f":build_env CARGO_HOME={real_home}\n" + (HERE / "init.evcxr").read_text())
    settings["TGS_SALT_CARGO"] = shutil.which("cargo")
    settings["TGS_SALT_CARGO_HOME"] = real_home
    settings["CARGO_HOME"] = settings["EVCXR_CONFIG_DIR"] = str(home)


def main(connection_file):
    os.environ["PATH"] += os.pathsep + str(Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "bin")
    settings = dict(SETTINGS)
    try:
        folder = take_folder()
        if folder is not None:
            prepare(folder)
            settings["EVCXR_TMPDIR"] = str(folder / "kernel")
        slim_analysis(settings)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no kept build folder, the notebook builds in a temporary one: {error}", file=sys.stderr)
    os.environ.update(settings)
    os.execvp("evcxr_jupyter", ["evcxr_jupyter", "--control_file", connection_file])


if __name__ == "__main__":
    install() if sys.argv[1:] == ["--install"] else main(sys.argv[1])
