# From the reset of the emulated processor to `main` of program.rs, in 64 bits. Lies in the last 8 KiB of the ROM, 64 KiB at the
# end of the first 4 GiB; the program is copied from the ROM's beginning to 1 MiB.

.set PROGRAM, 0x100000
.set ROM, 0xffff0000
.set START, 0xe000

.section .start, "ax"
start:
.code16
enter:
  cli
  lgdtl %cs:(table_register - start + START)
  movl %cr0, %eax
  orb $1, %al
  movl %eax, %cr0
  ljmpl $8, $in_32_bits

.code32
in_32_bits:
  movw $16, %ax
  movw %ax, %ds
  movw %ax, %es
  movw %ax, %ss
  cld
  movl $ROM, %esi
  movl $PROGRAM, %edi
  movl $START / 4, %ecx
  rep movsl
  # Pages of 2 MiB: 0 to 6, 8 to 10 and 12 to 14 MiB, so that reading beyond these ends stops the machine; and the ROM.
  movl $0x2003, 0x1000
  movl $0x3003, 0x2000
  movl $0x4003, 0x2018
  movl $0x000083, 0x3000
  movl $0x200083, 0x3008
  movl $0x400083, 0x3010
  movl $0x800083, 0x3020
  movl $0xc00083, 0x3030
  movl $0xffe00083, 0x4ff8
  movl $0x1000, %eax
  movl %eax, %cr3
  # PAE, and SSE on.
  movl $0x620, %eax
  movl %eax, %cr4
  movl $0xc0000080, %ecx
  rdmsr
  orl $0x100, %eax
  wrmsr
  movl $0x80000013, %eax
  movl %eax, %cr0
  ljmpl $24, $in_64_bits

.code64
in_64_bits:
  movl $0x400000, %esp
  movl $main, %eax
  callq *%rax
stop:
  hlt
  jmp stop

.balign 8
table:
  .quad 0
  .quad 0x00cf9b000000ffff
  .quad 0x00cf93000000ffff
  .quad 0x00af9b000000ffff
table_register:
  .word table_register - table - 1
  .long table

.section .reset, "ax"
.code16
  jmp enter
