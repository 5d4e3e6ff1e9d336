/* SPDX-License-Identifier: ISC */
/* hv_kvm_doorbell.c: stores of the guest's that only write a descriptor (KVM_IOEVENTFD). */
#include <errno.h>

#include "hv_kvm.h"

static int ioeventfd(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width,
		     uint64_t value, int fd, uint32_t flags)
{
	struct kvm_ioeventfd bell = {
		.datamatch = value, .addr = addr, .len = width, .fd = fd,
		.flags = flags | (kind == BUS_PIO ? KVM_IOEVENTFD_FLAG_PIO : 0),
	};

	return KVM_IOCTL(hv->vm, KVM_IOEVENTFD, &bell);
}

static int doorbell_add(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width, int fd,
			struct husk_error *e)
{
	if (ioeventfd(hv, kind, addr, width, 0, fd, 0) == -1)
		return husk_fail_sys(e, errno, "KVM_IOEVENTFD at 0x%llx",
				     (unsigned long long)addr);
	return 0;
}

static int doorbell_add_value(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width,
			      uint64_t value, int fd, struct husk_error *e)
{
	if (ioeventfd(hv, kind, addr, width, value, fd, KVM_IOEVENTFD_FLAG_DATAMATCH) == -1)
		return husk_fail_sys(e, errno, "KVM_IOEVENTFD at 0x%llx, value 0x%llx",
				     (unsigned long long)addr, (unsigned long long)value);
	return 0;
}

static void doorbell_del(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width, int fd)
{
	(void)ioeventfd(hv, kind, addr, width, 0, fd, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

static void doorbell_del_value(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width,
			       uint64_t value, int fd)
{
	(void)ioeventfd(hv, kind, addr, width, value, fd,
			KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_DEASSIGN);
}

/* Every KVM since Linux 2.6.32 has them, so that only the probe asks. */
const struct hv_doorbell_ops hv_kvm_doorbells = {
	doorbell_add, doorbell_del, doorbell_add_value, doorbell_del_value,
};
