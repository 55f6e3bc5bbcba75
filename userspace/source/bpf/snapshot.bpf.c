// SPDX-License-Identifier: GPL-2.0-only
/* All TCP sockets of a network namespace now, as records of type SNAPSHOT: the twin of module/snapshot.c. */
#include "source/bpf/kernel.h"

#include "source/bpf/capture.h"

/* A request's listener is in a union, so to the verifier it is a number. */
static __always_inline void listener_of_request(struct tcptrace_record *record, struct tcp_request_sock *req)
{
	struct tcptrace_listen *listen = &record->u.listen;
	struct tcp_sock *tp = (void *)READ_UNTYPED(req, req.req.__req_common.skc_listener);

	listen->retransmits = READ_UNTYPED(req, req.req.num_retrans);
	if (BPF_CORE_READ((struct sock_common *)tp, skc_state) != TCP_LISTEN)
		return;
	listen->listener = BPF_CORE_READ((struct sock_common *)tp, skc_cookie.counter);
	listen->backlog = BPF_CORE_READ((struct sock *)tp, sk_ack_backlog);
	listen->backlog_max = BPF_CORE_READ((struct sock *)tp, sk_max_ack_backlog);
	listen->syn_backlog = BPF_CORE_READ(tp, inet_conn.icsk_accept_queue.qlen.counter);
}

static __always_inline u64 inode_of(struct tcp_sock *tp)
{
	struct socket *socket = READ(sock_of(tp), sk_socket);

	return socket ? BPF_CORE_READ(socket, file, f_inode, i_ino) : 0;
}

static __always_inline void full_socket(struct tcptrace_record *record, struct tcp_sock *tp, u32 uid)
{
	capture_bound(record, READ(tp, inet_conn.icsk_bind_hash));
	if (record->new_state == TCPTRACE_S_LISTEN) {
		capture_listener(record, tp);
		record->u.listen.inode = inode_of(tp);
		record->u.listen.uid = uid;
	} else {
		capture_totals(record, tp);
		record->u.totals.inode = inode_of(tp);
		record->u.totals.uid = uid;
	}
}

SEC("iter/tcp")
int snapshot(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	struct tcptrace_record record;
	struct tcp_timewait_sock *tw;
	struct tcp_request_sock *req;
	struct tcp_sock *tp;
	long left;

	if (!sk)
		return 0;
	tp = tcp_of(sk);
	if (!wanted(sk, tp))
		return 0;
	capture(&record, sk, tp);
	record.type = TCPTRACE_T_SNAPSHOT;
	if (tp) {
		full_socket(&record, tp, ctx->uid);
	} else if (record.kind == TCPTRACE_K_REQUEST) {
		req = request_of(sk);
		if (req)
			listener_of_request(&record, req);
	} else if (record.kind == TCPTRACE_K_TIMEWAIT) {
		tw = timewait_of(sk);
		if (tw) {
			capture_bound(&record, READ_UNTYPED(tw, tw_sk.tw_tb));
			left = left_of(READ_UNTYPED(tw, tw_sk.tw_timer.expires));
			record.u.totals.timeout = left > 0 ? jiffies_to_ms(left) : 0;
		}
	}
	/* After everything was read: the bootstrap relies on it. */
	record.time = bpf_ktime_get_ns();
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}
