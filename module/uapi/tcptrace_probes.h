/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * tcptrace: the probe table. One row, one kernel function, one handler, one kind of record. The module and the BPF
 * program are made from the same rows. It is no ABI: rows come, go and move, and programs know a probe by its symbol.
 *
 *   id		on_<id>() is the handler: in module/handlers_<level>.c and in userspace/bpf/
 *   symbol	the function, or the tracepoint
 *   older	its name on kernels before it was renamed, or NULL
 *   level	the level that needs it: it is armed while a reader asks for this level or a higher one
 *   method	ENTRY: at the function's entry, attached through ftrace where the kernel and the module's
 *		parameter `attach` allow it, else by a kprobe; RETURN: by a kretprobe; TRACEPOINT: at the
 *		kernel's tracepoint of this name
 *   need	REQUIRED: the module does not load without it; OPTIONAL: its absence is reported;
 *		FALLBACK: replaces the row before it where that one is absent, and says less
 *   whose	TCP: no other protocol calls the function. SOCK(n), TWSK(n): other protocols do, and the handler is
 *		called only where the n-th argument, from 0, a full or a timewait socket, is TCP's.
 *		ANY: other protocols do, and the handler decides
 *
 * docs/adding-a-probe.md walks through adding a row.
 */
#ifndef _UAPI_TCPTRACE_PROBES_H
#define _UAPI_TCPTRACE_PROBES_H

#define TCPTRACE_PROBES(P)								\
	/* id		symbol				older			level  method	  need	    whose */	\
	P(set_state,	"tcp_set_state",		NULL,			LIFE,  ENTRY,	  REQUIRED, TCP)	\
	P(listen_start,	"inet_csk_listen_start",	NULL,			LIFE,  RETURN,	  OPTIONAL, SOCK(0))	\
	P(listen_again,	"__inet_listen_sk",		NULL,			LIFE,  ENTRY,	  OPTIONAL, SOCK(0))	\
	P(listen_sock,	"inet_listen",			NULL,			LIFE,  ENTRY,	  FALLBACK, ANY)	\
	P(request_open,	"inet_csk_reqsk_queue_hash_add", NULL,			LIFE,  RETURN,	  OPTIONAL, SOCK(0))	\
	P(request_drop,	"__inet_csk_reqsk_queue_drop",	NULL,			LIFE,  ENTRY,	  OPTIONAL, SOCK(0))	\
	P(request_err,	"tcp_req_err",			NULL,			LIFE,  ENTRY,	  OPTIONAL, TCP)	\
	P(destroy,	"tcp_abort",			NULL,			LIFE,  ENTRY,	  OPTIONAL, ANY)	\
	P(child,	"inet_csk_complete_hashdance",	NULL,			LIFE,  ENTRY,	  OPTIONAL, SOCK(0))	\
	P(child_cookie,	"inet_csk_reqsk_queue_add",	NULL,			LIFE,  ENTRY,	  OPTIONAL, SOCK(0))	\
	P(connect,	"tcp_connect",			NULL,			LIFE,  ENTRY,	  OPTIONAL, TCP)	\
	P(connect4,	"tcp_v4_connect",		NULL,			LIFE,  RETURN,	  OPTIONAL, TCP)	\
	P(connect6,	"tcp_v6_connect",		NULL,			LIFE,  RETURN,	  OPTIONAL, TCP)	\
	P(allowed4,	"tcp_v4_pre_connect",		NULL,			LIFE,  RETURN,	  OPTIONAL, TCP)	\
	P(allowed6,	"tcp_v6_pre_connect",		NULL,			LIFE,  RETURN,	  OPTIONAL, TCP)	\
	P(accepted4,	"tcp_v4_reqsk_destructor",	NULL,			LIFE,  ENTRY,	  OPTIONAL, TCP)	\
	P(accepted6,	"tcp_v6_reqsk_destructor",	NULL,			LIFE,  ENTRY,	  OPTIONAL, TCP)	\
	P(accept,	"__inet_accept",		NULL,			LIFE,  ENTRY,	  OPTIONAL, SOCK(2))	\
	P(accept_graft,	"security_sock_graft",		NULL,			LIFE,  ENTRY,	  FALLBACK, SOCK(0))	\
	P(shutdown,	"tcp_shutdown",			NULL,			LIFE,  ENTRY,	  OPTIONAL, TCP)	\
	P(close,	"__tcp_close",			"tcp_close",		LIFE,  ENTRY,	  OPTIONAL, TCP)	\
	P(reset_sent,	"tcp_send_active_reset",	NULL,			LIFE,  ENTRY,	  OPTIONAL, TCP)	\
	P(reset_reply4,	"tcp_v4_send_reset",		NULL,			LIFE,  ENTRY,	  OPTIONAL, TCP)	\
	P(reset_reply6,	"tcp_v6_send_reset",		NULL,			LIFE,  ENTRY,	  OPTIONAL, TCP)	\
	P(reset_in,	"tcp_reset",			NULL,			LIFE,  ENTRY,	  OPTIONAL, TCP)	\
	P(tw_begin,	"inet_twsk_hashdance_schedule",	"inet_twsk_hashdance",	LIFE,  ENTRY,	  OPTIONAL, SOCK(1))	\
	P(tw_segment,	"tcp_timewait_state_process",	NULL,			LIFE,  ENTRY,	  OPTIONAL, TCP)	\
	P(tw_timer,	"__inet_twsk_schedule",		NULL,			LIFE,  ENTRY,	  OPTIONAL, TWSK(0))	\
	P(tw_end,	"inet_twsk_kill",		NULL,			LIFE,  ENTRY,	  OPTIONAL, TWSK(0))	\
	P(syn,		"tcp_conn_request",		NULL,			QUEUE, ENTRY,	  OPTIONAL, TCP)	\
	P(third4,	"tcp_v4_syn_recv_sock",		NULL,			QUEUE, ENTRY,	  OPTIONAL, TCP)	\
	P(third6,	"tcp_v6_syn_recv_sock",		NULL,			QUEUE, ENTRY,	  OPTIONAL, TCP)	\
	P(synack_again,	"tcp_rtx_synack",		NULL,			LIFE,  RETURN,	  OPTIONAL, TCP)	\
	P(retransmit,	"tcp_retransmit_skb",		NULL,			LIFE,  RETURN,	  OPTIONAL, TCP)	\
	P(loss_probe,	"tcp_send_loss_probe",		NULL,			QUEUE, RETURN,	  OPTIONAL, TCP)	\
	P(undo,		"tcp_undo_cwnd_reduction",	NULL,			QUEUE, ENTRY,	  OPTIONAL, TCP)	\
	P(probe,	"tcp_write_wakeup",		NULL,			QUEUE, ENTRY,	  OPTIONAL, TCP)	\
	P(data_ready,	"tcp_data_ready",		NULL,			QUEUE, ENTRY,	  OPTIONAL, TCP)	\
	P(read,		"__tcp_cleanup_rbuf",		"tcp_cleanup_rbuf",	QUEUE, ENTRY,	  OPTIONAL, TCP)	\
	P(mptcp_read,	"mptcp_subflow_data_available",	NULL,			QUEUE, ENTRY,	  OPTIONAL, SOCK(0))	\
	P(write,	"tcp_push",			NULL,			QUEUE, ENTRY,	  OPTIONAL, TCP)	\
	P(write_full,	"sk_stream_wait_memory",	NULL,			QUEUE, ENTRY,	  OPTIONAL, SOCK(0))	\
	P(ack,		"tcp_ack",			NULL,			QUEUE, ENTRY,	  OPTIONAL, TCP)	\
	P(out4,		"ip_queue_xmit",		NULL,			SEGMENT, ENTRY,	  OPTIONAL, SOCK(0))	\
	P(out6,		"ip6_xmit",			NULL,			SEGMENT, ENTRY,	  OPTIONAL, SOCK(0))	\
	P(synack4,	"ip_build_and_send_pkt",	NULL,			SEGMENT, ENTRY,	  OPTIONAL, SOCK(1))	\
	P(ack4,		"tcp_v4_send_ack",		NULL,			SEGMENT, ENTRY,	  OPTIONAL, TCP)	\
	P(ack6,		"tcp_v6_send_response",		NULL,			SEGMENT, ENTRY,	  OPTIONAL, TCP)	\
	P(request_ack4,	"tcp_v4_reqsk_send_ack",	NULL,			SEGMENT, ENTRY,	  OPTIONAL, TCP)	\
	P(request_ack6,	"tcp_v6_reqsk_send_ack",	NULL,			SEGMENT, ENTRY,	  OPTIONAL, TCP)	\
	P(in4,		"tcp_v4_do_rcv",		NULL,			SEGMENT, ENTRY,	  OPTIONAL, TCP)	\
	P(in6,		"tcp_v6_do_rcv",		NULL,			SEGMENT, ENTRY,	  OPTIONAL, TCP)	\
	P(request_in,	"tcp_check_req",		NULL,			SEGMENT, ENTRY,	  OPTIONAL, TCP)	\
	P(drop,		"kfree_skb",			NULL,			SEGMENT, TRACEPOINT, OPTIONAL, ANY)

#define TCPTRACE_PROBE_ID(id, ...) TCPTRACE_P_##id,
enum tcptrace_probe_id { TCPTRACE_PROBES(TCPTRACE_PROBE_ID) TCPTRACE_PROBE_COUNT };

#endif /* _UAPI_TCPTRACE_PROBES_H */
