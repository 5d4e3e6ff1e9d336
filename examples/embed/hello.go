// SPDX-License-Identifier: ISC

// hello runs one unikernel within this program, for at most ten seconds; its console comes through a pipe.
//
//	go build hello.go
//	./hello hello.hvt ARGUMENT...
package main

// #cgo pkg-config: libhusk
// #include <stdlib.h>
// #include <husk.h>
import "C"

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
	"unsafe"
)

func failure(e *C.struct_husk_error) error {
	return errors.New(C.GoString(&e.message[0]))
}

// create makes a machine whose console is the file, which stays the caller's.
func create(console *os.File) (*C.struct_husk, error) {
	config := C.struct_husk_config{
		size:       C.sizeof_struct_husk_config,
		console_fd: C.int(console.Fd()),
	}
	var e C.struct_husk_error
	h := C.husk_create(&config, &e)
	if h == nil {
		return nil, failure(&e)
	}
	return h, nil
}

func option(h *C.struct_husk, word string) error {
	var e C.struct_husk_error
	w := C.CString(word)
	defer C.free(unsafe.Pointer(w))
	if C.husk_option(h, w, &e) != 0 {
		return failure(&e)
	}
	return nil
}

func load(h *C.struct_husk, image string, words []string) error {
	var e C.struct_husk_error
	path := C.CString(image)
	defer C.free(unsafe.Pointer(path))
	size := C.size_t(unsafe.Sizeof(path))
	args := (**C.char)(C.calloc(C.size_t(len(words)+1), size))
	defer C.free(unsafe.Pointer(args))
	list := unsafe.Slice(args, len(words)+1)
	for i, word := range words {
		list[i] = C.CString(word)
		defer C.free(unsafe.Pointer(list[i]))
	}
	if C.husk_load(h, path, C.int(len(words)), args, &e) != 0 {
		return failure(&e)
	}
	return nil
}

// run returns the guest's status, or why it has none.
func run(ctx context.Context, h *C.struct_husk) (int, error) {
	ended, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		select {
		case <-ctx.Done():
			C.husk_stop(h, 1)
		case <-ended:
		}
	}()
	defer func() { close(ended); <-over }()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var e C.struct_husk_error
	var status C.int
	switch C.husk_run(h, &status, &e) {
	case C.HUSK_HALTED:
		return int(status), nil
	case C.HUSK_FAILED:
		return 0, failure(&e)
	}
	return 0, ctx.Err()
}

func hello(image string, words []string) (int, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	copied := make(chan struct{})
	go func() { _, _ = io.Copy(os.Stdout, reader); close(copied) }()
	defer func() { writer.Close(); <-copied }()
	h, err := create(writer)
	if err != nil {
		return 0, err
	}
	defer C.husk_destroy(h)
	if err := option(h, "--mem=64"); err != nil {
		return 0, err
	}
	if err := load(h, image, words); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return run(ctx, h)
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: hello IMAGE [ARGUMENT...]")
		os.Exit(1)
	}
	status, err := hello(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "hello:", err)
		os.Exit(1)
	}
	os.Exit(status & 255)
}
