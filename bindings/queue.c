/* SPDX-License-Identifier: ISC */
/* queue.c: announces queues and rings their doorbells. */
#include "queue.h"

#include "../include/husk_abi.h"
#include "cpu.h"

/* Virtual addresses are physical ones. */
uint64_t queue_gpa(const void *memory)
{
	return (uintptr_t)memory;
}

static int32_t announce(struct husk_queue *arg)
{
	cpu_hypercall((enum hvt_hypercall)HUSK_HYPERCALL_QUEUE, arg);
	return arg->ret;
}

bool queue_announce(solo5_handle_t handle, uint32_t index, const struct virtq *q)
{
	struct husk_queue arg = {
		.handle = handle, .index = index, .size = q->size, .desc = queue_gpa(q->desc),
		.avail = queue_gpa(q->avail), .used = queue_gpa(q->used), .ret = HVT_EUNSPEC,
	};

	return announce(&arg) == HVT_OK;
}

void queue_take_back(solo5_handle_t handle)
{
	struct husk_queue arg = {.handle = handle};

	(void)announce(&arg);
}

void queue_submit(solo5_handle_t handle, uint32_t index, struct virtq *q)
{
	if (q->submitted != q->added && virtq_submit(q))
		cpu_doorbell(HUSK_QUEUE_NUMBER(handle, index));
}
