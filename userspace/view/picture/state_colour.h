/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPTRACE_STATE_COLOUR_H
#define TCPTRACE_STATE_COLOUR_H

#include "base/canvas.h"

/* The colour of a state (enum tcptrace_state) in all pictures. */
enum canvas_colour state_colour(unsigned int state);

#endif
