/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This folder replaces the kernel's headers where a unit test compiles a file of the module. It has only what that file
 * uses.
 */
#ifndef TESTS_KERNEL_TYPES_H
#define TESTS_KERNEL_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#endif
