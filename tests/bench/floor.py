"""Attaches an empty BPF program called bench_empty to a clock event of one process, until it is ended.

What the kernel's BPF statistics say of it is what they cost themselves. usage: floor.py PID HZ
"""
# SPDX-License-Identifier: BSD-2-Clause
import ctypes
import fcntl
import signal
import struct
import sys

SYS_BPF, SYS_PERF_EVENT_OPEN = 321, 298
BPF_PROG_LOAD, BPF_PROG_TYPE_PERF_EVENT = 5, 7
PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK = 1, 0
PERF_EVENT_IOC_SET_BPF = 0x40042408

libc = ctypes.CDLL(None, use_errno=True)


def call(number, *args):
    result = libc.syscall(ctypes.c_long(number), *args)
    if result < 0:
        sys.exit(f"system call {number}: errno {ctypes.get_errno()}")
    return result


def main(pid, hz):
    code = ctypes.create_string_buffer(struct.pack("<QQ", 0xB7, 0x95))  # r0 = 0; exit
    licence = ctypes.create_string_buffer(b"GPL")
    load = struct.pack("<IIQQIIQII16s", BPF_PROG_TYPE_PERF_EVENT, 2, ctypes.addressof(code),
                       ctypes.addressof(licence), 0, 0, 0, 0, 0, b"bench_empty")
    buffer = ctypes.create_string_buffer(load)
    program = call(SYS_BPF, ctypes.c_int(BPF_PROG_LOAD), buffer, ctypes.c_uint(len(load)))
    event = struct.pack("<IIQQQQQ", PERF_TYPE_SOFTWARE, 112, PERF_COUNT_SW_CPU_CLOCK,
                        1000000000 // hz, 0, 0, 0).ljust(112, b"\0")
    fd = call(SYS_PERF_EVENT_OPEN, ctypes.create_string_buffer(event), ctypes.c_int(pid),
              ctypes.c_int(-1), ctypes.c_int(-1), ctypes.c_ulong(0))
    fcntl.ioctl(fd, PERF_EVENT_IOC_SET_BPF, program)
    signal.pause()


main(int(sys.argv[1]), int(sys.argv[2]))
