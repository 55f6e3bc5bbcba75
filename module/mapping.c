// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "compat/compat.h"
#include "mapping.h"
#include "ring.h"

/* A reader that touches a page will touch its neighbours: this many pages are mapped at once; a power of two. */
#define AROUND	64

static vm_fault_t tcptrace_mapping_insert(struct vm_area_struct *vma, u64 page)
{
	void *memory = tcptrace_ring_page(page);

	if (!memory)
		return VM_FAULT_SIGBUS;
	return vmf_insert_page(vma, vma->vm_start + ((page - vma->vm_pgoff) << PAGE_SHIFT), vmalloc_to_page(memory));
}

/*
 * Pages that are mapped already do no harm. No page is freed while it is mapped: the mapping holds its file, and the
 * file holds the rings. Readers touch a CPU's records only once its ring's first page, which is always there, says
 * that there are any.
 */
static vm_fault_t tcptrace_mapping_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	u64 page = max_t(u64, round_down(vmf->pgoff, AROUND), vma->vm_pgoff);
	u64 end = min_t(u64, round_down(vmf->pgoff, AROUND) + AROUND, vma->vm_pgoff + vma_pages(vma));
	vm_fault_t result = tcptrace_mapping_insert(vma, vmf->pgoff);

	for (; result == VM_FAULT_NOPAGE && page < end; page++)
		if (tcptrace_mapping_insert(vma, page) == VM_FAULT_OOM)
			break;
	return result;
}

static const struct vm_operations_struct tcptrace_mapping_ops = { .fault = tcptrace_mapping_fault };

int tcptrace_mapping_make(struct vm_area_struct *vma)
{
	/* Shared, so that a reader sees what is written; never writable, not even through mprotect() later. */
	if ((vma->vm_flags & (VM_WRITE | VM_EXEC)) || !(vma->vm_flags & VM_MAYSHARE))
		return -EPERM;
	if (vma->vm_pgoff || vma->vm_end - vma->vm_start > tcptrace_ring_map()->size)
		return -EINVAL;
	/* VM_MIXEDMAP: pages are inserted one by one. */
	tcptrace_vm_flags(vma, VM_MIXEDMAP | VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP, VM_MAYWRITE | VM_MAYEXEC);
	vma->vm_ops = &tcptrace_mapping_ops;
	return 0;
}
