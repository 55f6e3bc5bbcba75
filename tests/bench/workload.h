/* SPDX-License-Identifier: GPL-2.0-only */
/* The traffic that is measured: one process, both endpoints on loopback, so that nothing ever waits. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stdint.h>

#define BENCH_PORT 9090

/*
 * nopl 0x65637274(%rax,%rax), an instruction that does nothing, and by which profile/plugin.c knows
 * where the measured part begins and ends.
 */
#define BENCH_MARK_BYTES 0x0f, 0x1f, 0x84, 0x00, 0x74, 0x72, 0x63, 0x65

/* Opens, accepts and resets so many connections one after the other. Returns the ns that took. */
uint64_t bench_conns(unsigned int count);

/* Writes one byte and reads it at the other endpoint, so many times, on one connection. Returns the ns. */
uint64_t bench_pingpong(unsigned int count);

/* CLOCK_MONOTONIC; under icount the instructions that the guest has run, and the time it slept. */
uint64_t bench_now(void);

/* The measured part begins or ends: for a counter outside. */
void bench_mark(void);

/* An argument's number, or exit. */
unsigned int bench_number(const char *text);

/* A listener on BENCH_PORT of every address. */
int bench_listen(int backlog);

/* A connection to it from this address (host order; 0: any); *accepted is its other endpoint. */
int bench_connect(int listener, uint32_t from, int *accepted);

/* A system call's result; exits with a message if it failed. */
int bench_check(int result, const char *what);

#endif
