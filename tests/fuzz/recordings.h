/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPTRACE_FUZZ_RECORDINGS_H
#define TCPTRACE_FUZZ_RECORDINGS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Makes an intact recording of what may be one: a valid header, records in range and in order, a matching trailer,
 * and checksums. There is room for `most` bytes. Returns its size.
 */
size_t recording_mend(uint8_t *data, size_t size, size_t most);

#endif
