/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPTRACE_SVG_OPTION_H
#define TCPTRACE_SVG_OPTION_H

#include <argp.h>

/* --svg=FILE; its input is a const char *, which stays NULL if the option is not given. */
extern const struct argp svg_argp;

#endif
