#!/usr/bin/env bash
# Runs src/nn/cpu/tile_product.rs, the assembly for AMX, on an emulated Sapphire Rapids and compares it with plain loops. Not part of
# the ordinary tests: needs Bochs 3.1 or newer with its terminal plugin (BOCHS, its command), and binutils.
# Usage: run.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT

rustc --edition 2024 --crate-type staticlib --crate-name program -C opt-level=2 -C panic=abort -C relocation-model=static \
  -C code-model=small -o "$out/program.a" "$here/program.rs"
as --64 -o "$out/start.o" "$here/start.s"
ld -nostdlib -static --gc-sections -u main -e main -z noexecstack --no-warn-rwx-segments -T "$here/link.ld" \
  -o "$out/program.elf" "$out/start.o" "$out/program.a"
objcopy -O binary "$out/program.elf" "$out/rom.bin"
# There is no screen to set up, but the emulator wants the ROM for it.
truncate -s 512 "$out/vga.bin"

cat > "$out/bochsrc" <<END
cpu: model=sapphire_rapids, ips=100000000, reset_on_triple_fault=0
memory: guest=32, host=32
romimage: file=$out/rom.bin
vgaromimage: file=$out/vga.bin
display_library: term
com1: enabled=1, mode=file, dev=$out/serial
log: $out/log
panic: action=fatal
END
# The emulator ends with an error also when the program ends itself; what counts is what it printed.
# A fault stops the emulated processor, not the emulator.
touch "$out/serial"
TERM=${TERM:-xterm} timeout -k 5 60 "${BOCHS:-bochs}" -q -f "$out/bochsrc" > "$out/screen" 2>&1 < /dev/null || true
if ! grep -q '^all products hold' "$out/serial"; then
  cat "$out/serial" || true
  grep -v "^[0-9]*i" "$out/log" | tail -20 || true
  exit 1
fi
cat "$out/serial"
