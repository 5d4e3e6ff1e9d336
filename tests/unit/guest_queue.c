/* SPDX-License-Identifier: ISC */
/* guest_queue.c: the guest's side of queues (bindings/virtqueue.h), for tests that play the guest. */
#include "../../bindings/virtqueue.c"

void cpu_store_load_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
