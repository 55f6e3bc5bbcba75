// SPDX-License-Identifier: GPL-2.0-only
/*
 * Before 5.12 tracing programs cannot assign a cookie, but programs of a cgroup can: to each socket when it is created,
 * and to each request before it is hashed, from which its child and its timewait socket inherit it.
 */
#include "source/bpf/kernel.h"

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("cgroup/sock_create")
int socket_cookie(struct bpf_sock *sk)
{
	bpf_get_socket_cookie(sk);
	return 1;
}

/* Called for the first timeout of the SYN-ACK; the answer is left to other programs. */
SEC("sockops")
int request_cookie(struct bpf_sock_ops *ops)
{
	if (ops->op == BPF_SOCK_OPS_TIMEOUT_INIT)
		bpf_get_socket_cookie(ops);
	return 1;
}
