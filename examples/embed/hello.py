#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Runs one unikernel within Python, by ctypes: hello.py IMAGE [ARGUMENT...]

The library is libhusk.so.0, or what LIBHUSK names. The guest's console comes through a callback, and
the run ends after ten seconds.
"""
import ctypes as c
import os
import sys

END = {-1: "failed", 0: "halted", 1: "stopped", 2: "timed out"}
CONSOLE = c.CFUNCTYPE(None, c.c_void_p, c.POINTER(c.c_char), c.c_size_t)
NOTICE = c.CFUNCTYPE(None, c.c_void_p, c.c_char_p)


class Config(c.Structure):
    """struct husk_config; what is not set is 0, which is nothing."""
    _fields_ = [
        ("size", c.c_size_t), ("console_fd", c.c_int),
        ("outputs", c.c_void_p), ("n_outputs", c.c_size_t),
        ("output_is_disk", c.c_void_p), ("output_ctx", c.c_void_p),
        ("notice", NOTICE), ("notice_ctx", c.c_void_p),
        ("stopping", c.c_void_p), ("stopping_ctx", c.c_void_p),
        ("attend", c.c_void_p), ("attend_ctx", c.c_void_p),
        ("console", CONSOLE), ("console_ctx", c.c_void_p),
        ("clock", c.c_void_p), ("console_name", c.c_char_p),
    ]


class Error(c.Structure):
    """struct husk_error"""
    _fields_ = [("kind", c.c_int), ("sys", c.c_int), ("message", c.c_char * 400),
                ("device", c.c_char * 68)]


class Ending(c.Structure):
    """struct husk_ending"""
    _fields_ = [("size", c.c_size_t), ("how", c.c_int), ("status", c.c_int), ("located", c.c_bool),
                ("address", c.c_uint64), ("offset", c.c_uint64), ("function", c.c_char * 256),
                ("device", c.c_char * 68)]


def library():
    lib = c.CDLL(os.environ.get("LIBHUSK", "libhusk.so.0"))
    machine, error = c.c_void_p, c.POINTER(Error)
    lib.husk_create.restype = machine
    lib.husk_create.argtypes = [c.POINTER(Config), error]
    lib.husk_option.argtypes = [machine, c.c_char_p, error]
    lib.husk_load_bytes.argtypes = [machine, c.c_char_p, c.c_char_p, c.c_size_t, c.c_int,
                                    c.POINTER(c.c_char_p), error]
    lib.husk_run_for.argtypes = [machine, c.c_uint64, c.POINTER(c.c_int), error]
    lib.husk_ending.argtypes = [machine, c.POINTER(Ending)]
    lib.husk_ending.restype = lib.husk_destroy.restype = None
    lib.husk_destroy.argtypes = [machine]
    lib.husk_version.restype = c.c_char_p
    return lib


def run(image, arguments, seconds=10):
    """Returns how the guest ended, its status, and what it wrote to its console."""
    lib, error, status, text = library(), Error(), c.c_int(), bytearray()
    console = CONSOLE(lambda ctx, at, n: text.extend(c.string_at(at, n)))
    notice = NOTICE(lambda ctx, line: print("hello.py:", line.decode(), file=sys.stderr))
    config = Config(size=c.sizeof(Config), console=console, notice=notice)
    words = (c.c_char_p * len(arguments))(*(os.fsencode(a) for a in arguments))
    with open(image, "rb") as file:
        kernel = file.read()
    machine = lib.husk_create(config, error)
    try:
        if (machine is None or lib.husk_option(machine, b"--mem=64M", error) == -1
                or lib.husk_load_bytes(machine, os.fsencode(image), kernel, len(kernel),
                                       len(words), words, error) == -1):
            raise RuntimeError(error.message.decode())
        end = lib.husk_run_for(machine, seconds * 10**9, status, error)
        if end == -1:
            raise RuntimeError(error.message.decode())
        ending = Ending(size=c.sizeof(Ending))
        lib.husk_ending(machine, ending)
        return END[end], status.value, bytes(text), ending
    finally:
        lib.husk_destroy(machine)


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: hello.py IMAGE [ARGUMENT...]")
    try:
        end, status, text, ending = run(sys.argv[1], sys.argv[2:])
    except (OSError, RuntimeError) as problem:
        sys.exit(f"hello.py: {problem}")
    sys.stdout.buffer.write(text)
    sys.stdout.flush()
    print(f"hello.py: the guest {end}, status {status}, at {ending.address:#x}", file=sys.stderr)
    sys.exit(status if end == "halted" else 1)


if __name__ == "__main__":
    main()
