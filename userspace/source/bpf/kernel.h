/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's structures, with only the fields that are read. Their offsets are found when the program is loaded, from
 * the type information (BTF) of the running kernel: order and gaps here mean nothing.
 */
#ifndef TCPTRACE_BPF_KERNEL_H
#define TCPTRACE_BPF_KERNEL_H

#include <linux/types.h>
#include <stdbool.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

/* Names from include/net, include/linux and the uapi. */
#define AF_INET			2
#define AF_INET6		10
#define IPPROTO_TCP		6
#define SOCK_STREAM		1
#define ETH_P_IP		0x0800
#define ETH_P_IPV6		0x86dd
#define TCP_ESTABLISHED		1
#define TCP_SYN_SENT		2
#define TCP_SYN_RECV		3
#define TCP_FIN_WAIT1		4
#define TCP_FIN_WAIT2		5
#define TCP_TIME_WAIT		6
#define TCP_CLOSE		7
#define TCP_LAST_ACK		9
#define TCP_LISTEN		10
#define TCP_NEW_SYN_RECV	12
#define RCV_SHUTDOWN		1
#define SHUTDOWN_MASK		3
#define ECONNRESET		104
#define SOCK_DEAD		0	/* enum sock_flags */
#define SOCK_DONE		1
#define SOCK_LINGER		4
#define SK_PACING_NEEDED	1	/* enum sk_pacing */
#define TCP_CONG_NEEDS_ECN	0x2
#define TCP_ECN_OK		1	/* of tcp_sock.ecn_flags; with ACCECN accurate ECN, or not decided yet */
#define TCP_ECN_MODE_ACCECN	16
#define DST_METRICS_FLAGS	3ul
#define RTAX_FEATURES		12
#define RTAX_FEATURE_ECN	1
#define TCPHDR_SYN		0x02
#define TCPHDR_RST		0x04
#define TCPHDR_ACK		0x10
#define TCPOPT_EOL		0
#define TCPOPT_NOP		1
#define TCPOPT_MSS		2
#define TCPOPT_WINDOW		3
#define TCPOPT_SACK		5
#define TCPOPT_TIMESTAMP	8
#define TCPOPT_MD5SIG		19
#define TCPOPT_AO		29
#define TCPOLEN_MSS		4
#define TCPOLEN_WINDOW		3
#define TCPOLEN_TIMESTAMP	10
#define TCPOLEN_SACK_BASE	2
#define TCPOLEN_SACK_PERBLOCK	8
#define RTN_LOCAL		2
#define RTF_LOCAL		0x80000000
#define SKB_DST_NOREF		1ul

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct hlist_node {
	struct hlist_node **pprev;
};

typedef struct {
	long long counter;
} atomic64_t;

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	atomic_t refs;
} refcount_t;

struct rb_node {
	struct rb_node *rb_right;
};

struct rb_root {
	struct rb_node *rb_node;
};

struct timer_list {
	struct hlist_node entry;
	unsigned long expires;
};

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct ns_common {
	unsigned int inum;
};

struct netns_ipv4 {
	u8 sysctl_tcp_syncookies;
	u8 sysctl_tcp_ecn;
};

struct net {
	struct ns_common ns;
	struct netns_ipv4 ipv4;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct timewait_sock_ops {
	unsigned int twsk_obj_size;
};

struct proto {
	struct timewait_sock_ops *twsk_prot;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_ipv6only : 1;
	int skc_bound_dev_if;
	struct proto *skc_prot;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
	union {
		unsigned long skc_flags;
		struct sock *skc_listener;
	};
	struct hlist_node skc_node;
	union {
		u32 skc_rcv_wnd;
		u32 skc_tw_rcv_nxt;
	};
	u32 skc_tw_snd_nxt;
};

struct inode {
	unsigned long i_ino;
};

struct file {
	struct inode *f_inode;
};

struct socket {
	struct file *file;
	struct sock *sk;
};

struct sk_buff_head {
	struct sk_buff *next;
	__u32 qlen;
};

struct sock {
	struct sock_common __sk_common;
	struct {
		atomic_t rmem_alloc;
	} sk_backlog;
	int sk_sndbuf;
	int sk_rcvbuf;
	int sk_wmem_queued;
	u8 sk_shutdown;
	u16 sk_type;
	u16 sk_protocol;
	int sk_err;
	u32 sk_ack_backlog;
	u32 sk_max_ack_backlog;
	struct socket *sk_socket;
	struct sk_buff_head sk_write_queue;
	struct rb_root tcp_rtx_queue;
	u32 sk_pacing_status;
	int sk_write_pending;
	refcount_t sk_wmem_alloc;
	struct dst_entry *sk_dst_cache;
};

struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
};

struct inet_bind_bucket {
	signed char fastreuse;
	signed char fastreuseport;
};

struct tcp_congestion_ops {
	u32 flags;
};

struct request_sock_queue {
	u8 rskq_defer_accept;
	atomic_t qlen;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	struct request_sock_queue icsk_accept_queue;
	__u32 icsk_rto;
	__u8 icsk_ca_state : 5;
	__u8 icsk_backoff;
	__u8 icsk_pending;
	__u8 icsk_probes_out;
	struct {
		__u8 pingpong;
	} icsk_ack;
	const struct tcp_congestion_ops *icsk_ca_ops;
	struct inet_bind_bucket *icsk_bind_hash;
};

struct tcp_options_received {
	u16 snd_wscale : 4, rcv_wscale : 4;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u64 tcp_clock_cache;
	u64 bytes_received;
	u64 bytes_acked;
	u32 total_retrans;
	u32 rcv_ooopack;
	u32 snd_una;
	u32 snd_nxt;
	u32 snd_wl1;
	u32 snd_wnd;
	u32 write_seq;
	u32 rcv_nxt;
	u32 rcv_wup;
	u32 rcv_wnd;
	u32 copied_seq;
	u32 mss_cache;
	u32 packets_out;
	u32 sacked_out;
	u32 lost_out;
	u32 retrans_out;
	u32 snd_cwnd;
	u32 undo_marker;
	u32 snd_ssthresh;
	struct tcp_options_received rx_opt;
	u8 ecn_flags;
	u8 repair : 1;
	bool is_mptcp;
};

struct request_sock {
	struct sock_common __req_common;
	struct sock *sk;
	u16 mss;
	u8 num_retrans;
	struct timer_list rsk_timer;
};

struct inet_request_sock {
	struct request_sock req;
	u16 snd_wscale : 4, rcv_wscale : 4, ecn_ok : 1;
};

struct tcp_request_sock {
	struct inet_request_sock req;
	u32 rcv_isn;
	u32 snt_isn;
	u32 rcv_nxt;
	bool is_mptcp;
};

struct inet_timewait_sock {
	struct sock_common __tw_common;
	volatile unsigned char tw_substate;
	unsigned char tw_rcv_wscale;
	struct inet_bind_bucket *tw_tb;
	struct timer_list tw_timer;
};

struct tcp_timewait_sock {
	struct inet_timewait_sock tw_sk;
	u32 tw_rcv_wnd;
};

struct net_device {
	possible_net_t nd_net;
};

struct dst_entry {
	struct net_device *dev;
	unsigned long _metrics;
};

struct rtable {
	u16 rt_type;
};

struct rt6_info {
	u32 rt6i_flags;
};

struct flowi6 {
	struct in6_addr daddr;
	struct in6_addr saddr;
};

struct sk_buff {
	struct rb_node rbnode;
	struct sock *sk;
	char cb[48];
	unsigned long _skb_refdst;
	unsigned int len;
	__be16 protocol;
	u16 transport_header;
	u16 network_header;
	unsigned int end;
	unsigned char *head;
};

struct tcp_skb_cb {
	u32 seq;
	u32 ack_seq;
	u8 tcp_flags;
};

struct task_struct {
	int tgid;
	char comm[16];
};

/* From 6.2 on, until the count became a separate variable again. */
struct pcpu_hot {
	int preempt_count;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

#pragma clang attribute pop

/* The context of the iterator's program; not a kernel structure but an ABI. */
struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
	u32 uid;
} __attribute__((aligned(8)));

#endif
