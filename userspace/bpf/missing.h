/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rows of module/probes.h that have no twin yet, with their method: nothing of them is loaded, and what they would
 * show is not visible through BPF. To give one its handler is to take it out of here.
 */
#ifndef TCPTRACE_BPF_MISSING_H
#define TCPTRACE_BPF_MISSING_H

#define TCPTRACE_BPF_MISSING(M)	\
	M(syn,		ENTRY)	\
	M(third4,	ENTRY)	\
	M(third6,	ENTRY)	\
	M(synack_again,	RETURN)	\
	M(retransmit,	RETURN)	\
	M(loss_probe,	RETURN)	\
	M(undo,		ENTRY)	\
	M(probe,	ENTRY)	\
	M(out4,		ENTRY)	\
	M(out6,		ENTRY)	\
	M(synack4,	ENTRY)	\
	M(ack4,		ENTRY)	\
	M(ack6,		ENTRY)	\
	M(request_ack4,	ENTRY)	\
	M(request_ack6,	ENTRY)	\
	M(in4,		ENTRY)	\
	M(in6,		ENTRY)	\
	M(request_in,	ENTRY)	\
	M(drop,		ENTRY)

#endif
