// SPDX-License-Identifier: GPL-2.0-only
/*
 * libbpf searches all of the kernel's types, more than a hundred thousand, for each type of the programs: a tenth of
 * the start-up time. Here they are found in one pass, and libbpf has only the result to search.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/bpf/subset.h"

struct subset {
	const struct btf *kernel;
	struct btf *btf;
	uint32_t *copies;	/* by id in the kernel, the id of the copy; 0: not copied */
	int pointer;		/* a pointer to void: the targets of pointers are copied separately */
};

int subset_open(char *path)
{
	int fd = memfd_create("tcptrace-btf", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(path, SUBSET_PATH, "/proc/self/fd/%d", fd);
	return fd;
}

static int copy(struct subset *subset, uint32_t id);

static int copy_composite(struct subset *subset, const struct btf_type *type)
{
	int id = btf__add_type(subset->btf, subset->kernel, type), i, member;

	for (i = 0; id > 0 && i < btf_vlen(type); i++) {
		member = copy(subset, btf_members(type)[i].type);
		if (member < 0)
			return member;
		/* Copying one may move all the others. */
		btf_members(btf__type_by_id(subset->btf, id))[i].type = member;
	}
	return id;
}

static int copy_array(struct subset *subset, const struct btf_type *type)
{
	const struct btf_array *array = btf_array(type);
	int index = copy(subset, array->index_type), element = copy(subset, array->type);

	if (index < 0 || element < 0)
		return index < 0 ? index : element;
	return btf__add_array(subset->btf, index, element, array->nelems);
}

static int copy_anew(struct subset *subset, const struct btf_type *type)
{
	switch (btf_kind(type)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return copy_composite(subset, type);
	case BTF_KIND_ARRAY:
		return copy_array(subset, type);
	case BTF_KIND_PTR:
		return subset->pointer;
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		return copy(subset, type->type);
	default:
		return btf__add_type(subset->btf, subset->kernel, type);
	}
}

/* Returns the id of its copy, which is made if necessary, or -errno. Types do not contain themselves here. */
static int copy(struct subset *subset, uint32_t id)
{
	int result;

	if (!id || subset->copies[id])
		return subset->copies[id];
	result = copy_anew(subset, btf__type_by_id(subset->kernel, id));
	if (result > 0)
		subset->copies[id] = result;
	return result;
}

static int by_name(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* The name of a structure or union, or NULL. */
static const char *composite_name(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	return btf_is_composite(type) && type->name_off ? btf__name_by_offset(btf, type->name_off) : NULL;
}

/*
 * Stores the names of the programs' types, sorted, in `names`, which has room for one of each type. Returns the number.
 */
static size_t collect_names(const struct btf *programs, const char **names)
{
	__u32 id, count = btf__type_cnt(programs);
	size_t found = 0;

	for (id = 1; id < count; id++) {
		names[found] = composite_name(programs, id);
		found += names[found] != NULL;
	}
	qsort(names, found, sizeof(*names), by_name);
	return found;
}

static int copy_all(struct subset *subset, const struct btf *programs)
{
	const char **names = calloc(btf__type_cnt(programs), sizeof(*names)), *name;
	size_t count = names ? collect_names(programs, names) : 0;
	__u32 id, types = btf__type_cnt(subset->kernel);
	int result = names ? 0 : -ENOMEM;

	for (id = 1; id < types && result >= 0; id++) {
		name = composite_name(subset->kernel, id);
		if (name && bsearch(&name, names, count, sizeof(*names), by_name))
			result = copy(subset, id);
	}
	free(names);
	return result < 0 ? result : 0;
}

static int write_all(int fd, const struct btf *btf)
{
	__u32 size, at = 0;
	const char *data = btf__raw_data(btf, &size);
	ssize_t wrote;

	if (!data)
		return -ENOMEM;
	for (; at < size; at += wrote) {
		wrote = write(fd, data + at, size - at);
		if (wrote < 0)
			return -errno;
	}
	return 0;
}

int subset_write(int fd, const struct bpf_object *object, const struct btf *kernel)
{
	struct subset subset = {
		.kernel = kernel,
		.btf = btf__new_empty(),
		.copies = calloc(btf__type_cnt(kernel), sizeof(*subset.copies)),
	};
	int result = -ENOMEM;

	if (subset.btf && subset.copies) {
		result = subset.pointer = btf__add_ptr(subset.btf, 0);
		if (result > 0)
			result = copy_all(&subset, bpf_object__btf(object));
		if (!result)
			result = write_all(fd, subset.btf);
	}
	btf__free(subset.btf);
	free(subset.copies);
	return result;
}
