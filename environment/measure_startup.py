"""Times a fresh Rust kernel: start, the first `:dep`, the first `let`, and warm cells. Each figure is a wall-clock time.

    measure_startup.py             three kernels, medians
    measure_startup.py --warm      one kernel that builds everything: what install.sh does

TGS_SALT_FEATURES="cuda" builds with that feature.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from jupyter_client.manager import KernelManager

ROOT = Path(__file__).resolve().parent.parent
FEATURES = ", ".join(f'"{name}"' for name in os.environ.get("TGS_SALT_FEATURES", "").split())
DEP = f':dep tgs_salt = {{ path = "{ROOT}", features = [{FEATURES}] }}\nuse tgs_salt::prelude::*;'
FIRST_LET = "let mask = Mask::new(2, 2, vec![0, 1, 1, 0])?;"
WARM = [
    "mask.coverage()",
    "let a = 1 + 1;",
    "mask",
    'println!("{}", mask.coverage());',
    "let coverages: Vec<f64> = (0..100).map(|_| mask.coverage()).collect();",
    "coverages.iter().sum::<f64>()",
    "fn twice(x: f64) -> f64 { 2.0 * x }",
    "twice(mask.coverage())",
    "let other = Mask::new(1, 1, vec![1])?;",
    "other.is_empty()",
]
MISTAKE = "let mask = undefined;"  # evcxr explains it by `cargo check`, which the first time checks every dependency
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Kernel:
    def __init__(self, quiet):
        self.manager = KernelManager(kernel_name="rust")
        self.manager.start_kernel(cwd=str(ROOT), **(QUIET if quiet else {}))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=600)

    def run(self, code, may_fail=False):
        """Runs a cell; its seconds. Leaves with the message where a cell fails that may not."""
        start = time.monotonic()
        failed = []

        def collect(message):
            if message["msg_type"] == "error":
                failed.extend(message["content"]["traceback"])

        self.client.execute_interactive(code, timeout=3600, output_hook=collect)
        if failed and not may_fail:
            self.stop()
            sys.exit("error: this cell failed:\n" + code + "\n" + "\n".join(failed))
        return time.monotonic() - start

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def warm():
    """What install.sh does: the first `:dep` and the first mistake build everything that later kernels reuse."""
    kernel = Kernel(quiet=False)
    print(f"first :dep: {kernel.run(DEP):.1f} s")
    print(f"first mistake: {kernel.run(MISTAKE, may_fail=True):.1f} s")
    kernel.stop()


def measure():
    start = time.monotonic()
    kernel = Kernel(quiet=True)
    times = {"kernel start": time.monotonic() - start, "first :dep": kernel.run(DEP)}
    times["first let"] = kernel.run(FIRST_LET)
    times["warm cell"] = statistics.median(kernel.run(cell) for cell in WARM)
    times["mistake"] = kernel.run(MISTAKE, may_fail=True)
    kernel.stop()
    return times


def main():
    if sys.argv[1:] == ["--warm"]:
        warm()
        return
    runs = [measure() for _ in range(3)]
    for name in runs[0]:
        values = [run[name] for run in runs]
        print(f"{name:13} {statistics.median(values):6.2f} s   ({', '.join(f'{v:.2f}' for v in values)})")


if __name__ == "__main__":
    main()
