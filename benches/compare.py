"""The engine beside PyTorch and stock candle: asks workers in turn, prints ratios, writes `results.md`.

Started by `compare.sh`, which builds the workers.
"""

import argparse
import datetime
import os
import re
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import compare_report as report
import compare_scenarios as scenarios
from compare_workers import Result, in_turn, ratio

HERE = Path(__file__).parent
PARTS = ("networks", "encoders", "operations", "growth", "stock")


def parse():
    parser = argparse.ArgumentParser(prog="compare.sh", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, help="turns of each worker (7; with --quick 3)")
    parser.add_argument("--quick", action="store_true", help="batch 8 and all threads only")
    parser.add_argument("--only", action="append", choices=PARTS, help="a part; may be repeated")
    parser.add_argument("--output", type=Path, help="where the tables go (benches/results.md)")
    parser.add_argument("--engine", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--stock", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    # A part alone is for looking at: it must not replace the whole table.
    options.output = options.output or (None if options.only or options.quick else HERE / "results.md")
    options.rounds = options.rounds or (3 if options.quick else 7)
    options.only = options.only or PARTS
    return options


class Comparison:
    def __init__(self, options):
        self.options = options
        self.cores = len(os.sched_getaffinity(0))
        self.networks = {}
        self.operations = {}
        self.stock = {}

    def commands(self, script, arguments, stock=False):
        commands = {"ours": [self.options.engine, *arguments], "torch": [sys.executable, str(HERE / script), *arguments]}
        return commands | ({"stock": [self.options.stock, *arguments]} if stock else {})

    def show(self, title, result):
        parts = []
        for who, value in result.items():
            time = f"{value.wall * 1e3:.2f} ms" if isinstance(value, Result) else f"not supported ({value})"
            parts.append(f"{who} {time}")
        print(f"{title}: {', '.join(parts)}; ratio {report.number(ratio(result['ours'], result['torch']))}", flush=True)

    def network(self, network):
        if network not in self.networks:
            commands = self.commands("torch_worker.py", network.arguments)
            result = in_turn(commands, network.threads, network.environment, self.options.rounds)
            self.networks[network] = result
            self.show(network, result)

    def operation(self, operation, run):
        commands = self.commands("torch_operations.py", [operation.kind, operation.sizes, run], operation.stock)
        result = in_turn(commands, self.cores, {}, self.options.rounds)
        self.operations[operation, run] = result
        self.show(f"{operation.title}, {run}", result)
        if operation.stock:
            self.stock[f"{operation.title}, {'forward and backward' if run == 'both' else run}"] = result

    def with_stock(self, network):
        commands = self.commands("torch_worker.py", network.arguments, stock=True)
        # Stock candle takes seconds per pass, and its time is far off: three rounds say enough.
        result = in_turn(commands, network.threads, {}, min(3, self.options.rounds))
        self.stock[network] = result
        self.show(f"with stock candle: {network}", result)

    def run(self):
        """Measures part by part and yields the text of each."""
        cores, quick, only = self.cores, self.options.quick, self.options.only
        f32, bf16, avx2 = scenarios.networks(cores, quick)
        for network in f32 + bf16 + avx2 if "networks" in only else []:
            self.network(network)
        encoders = scenarios.encoders(cores) if "encoders" in only else []
        for network in encoders:
            self.network(network)
        for operation in scenarios.OPERATIONS if "operations" in only else []:
            for run in operation.passes:
                self.operation(operation, run)
        grown = scenarios.growth(cores, quick) if "growth" in only else {}
        for network in (network for chosen in grown.values() for network in chosen):
            self.network(network)
        for network in scenarios.stock(cores) if "stock" in only else []:
            self.with_stock(network)
        if "networks" in only:
            yield "What was asked for", self.summary(f32, bf16, avx2)
            yield "Time, f32", report.time_table(f32, self.networks)
            yield "Time, bf16", report.time_table(bf16, self.networks)
            yield "Time, f32, AVX2 alone on both sides", report.time_table(avx2, self.networks)
            yield "Peak memory", MEMORY + report.memory_table(f32 + bf16, self.networks)
        if encoders:
            yield "Every encoder", report.time_table(encoders, self.networks)
        if "operations" in only:
            text = report.operation_table(scenarios.OPERATIONS, self.operations)
            yield "Operations", OPERATIONS.format(cores) + text
        if "growth" in only:
            yield "Growth, ResNet34 U-Net", GROWTH.format(cores) + report.growth_table(grown, self.networks)
        if self.stock:
            yield "Stock candle", STOCK + report.stock_table(self.stock)

    def summary(self, f32, bf16, avx2):
        depthwise = [result for (operation, run), result in self.operations.items() if operation.stock and run == "both"]
        return report.summary(f32, bf16, avx2, self.networks, depthwise[0] if depthwise else None)


MEMORY = """The peak (`VmHWM`) of the whole process. Growth is the peak less what was resident before the network was built: it leaves
out the size of the program and of Python with PyTorch's libraries.\n\n"""
OPERATIONS = """Batch 8, f32, {} threads. Forward: nothing is recorded. Forward and backward: to inputs and weights, from a gradient of
ones that both sides make in each pass.\n\n"""
GROWTH = "Batch 8, 128x128, f32, {} threads, but for the setting named. Growth of memory as above.\n\n"
STOCK = """The same networks of candle_nn's layers, channels first, with candle's own backward pass; batch 8, f32. candle cannot
differentiate a 3x3 max pool with stride 2: in training it takes a 2x2 one.\n\n"""


def machine(cores):
    """One line on what this was measured with."""
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", text)
    flags = set(re.search(r"flags\s*: (.*)", text)[1].split()) if "flags" in text else set()
    has = ", ".join(f"{name} {'yes' if flag in flags else 'no'}" for name, flag in
                    [("AVX2", "avx2"), ("AVX-512", "avx512f"), ("AVX-512 bf16", "avx512_bf16"), ("AMX", "amx_tile")])
    candle = re.search(r'name = "candle-core"\nversion = "(.*)"', (HERE.parent / "Cargo.lock").read_text())[1]
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    return (f"{model[1] if model else 'CPU of unknown model'}, {cores} cores ({has}); PyTorch {version('torch')}, "
            f"candle {candle}, rustc {rustc}; {datetime.date.today()}.")


def busy():
    """CPU seconds of the whole machine, and those of this process and the workers that have ended."""
    fields = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
    own = sum(usage.ru_utime + usage.ru_stime for usage in
              map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK"), own


def main():
    options = parse()
    comparison = Comparison(options)
    (all_before, own_before), start = busy(), datetime.datetime.now()
    sections = list(comparison.run())
    (all_after, own_after), seconds = busy(), (datetime.datetime.now() - start).total_seconds()
    others = max(0, (all_after - all_before) - (own_after - own_before)) / seconds / comparison.cores
    lines = [
        "# The engine beside PyTorch",
        machine(comparison.cores),
        f"Written by `bash benches/compare.sh`; {options.rounds} rounds in {seconds / 60:.0f} minutes, in which other programs "
        f"took {others:.1%} of the machine. The workers of a row are asked in turn (A B A B); times are medians, a ratio is the "
        "median of the rounds' ratios, ours by PyTorch's: lower is better. The crate is built as by a notebook "
        "(`--profile dev`). PyTorch computes with channels last, the same threads and the same precision (bf16: autocast); "
        "its networks but for the plain one are those of `segmentation_models_pytorch`.",
        *(f"## {title}\n\n{text}" for title, text in sections),
    ]
    text = "\n\n".join(lines) + "\n"
    print("\n" + text)
    if options.output:
        options.output.write_text(text)
        print(f"written: {options.output}")


if __name__ == "__main__":
    main()
