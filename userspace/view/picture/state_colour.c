// SPDX-License-Identifier: GPL-2.0-only
#include "tcptrace.h"
#include "view/picture/state_colour.h"

enum canvas_colour state_colour(unsigned int state)
{
	switch (state) {
	case TCPTRACE_S_SYN_SENT:
	case TCPTRACE_S_SYN_RECV:
		return CANVAS_YELLOW;
	case TCPTRACE_S_ESTABLISHED:
		return CANVAS_GREEN;
	case TCPTRACE_S_FIN_WAIT1:
	case TCPTRACE_S_FIN_WAIT2:
	case TCPTRACE_S_CLOSING:
		return CANVAS_BLUE;
	case TCPTRACE_S_CLOSE_WAIT:
	case TCPTRACE_S_LAST_ACK:
		return CANVAS_MAGENTA;
	case TCPTRACE_S_TIME_WAIT:
		return CANVAS_CYAN;
	default:
		return CANVAS_PLAIN;
	}
}
