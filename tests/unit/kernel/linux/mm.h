/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_KERNEL_MM_H
#define TESTS_KERNEL_MM_H

#include <stdlib.h>

#define GFP_KERNEL		0
#define kvcalloc(n, size, gfp)	calloc(n, size)
#define kvzalloc(size, gfp)	calloc(1, size)
#define kvfree(memory)		free(memory)

#endif
