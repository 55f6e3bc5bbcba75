// SPDX-License-Identifier: GPL-2.0-only
/* struct tcp_info as ss -i prints it: fields that are 0 are left out. */
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/safe_text.h"
#include "view/table/ss_details.h"

#define ALGORITHM_MAX	16	/* TCP_CA_NAME_MAX and TCP_ULP_NAME_MAX of the kernel */

#define NO_RTO		3000000	/* of a socket that has never sent anything */
#define NO_SSTHRESH	0xffff
#define REORDERING	3	/* the kernel's initial value */

enum form { U32, U64, MS };	/* MS: microseconds in 32 bit, shown as milliseconds */

struct info_field {
	const char *word;
	enum form form;
	size_t offset;
};

#define FIELD(word, form, field)	{ word, form, offsetof(struct tcp_info, tcpi_##field) }

static const struct info_field segments[] = {
	FIELD("mss", U32, snd_mss),
	FIELD("pmtu", U32, pmtu),
	FIELD("rcvmss", U32, rcv_mss),
	FIELD("advmss", U32, advmss),
	FIELD("cwnd", U32, snd_cwnd),
};

static const struct info_field traffic[] = {
	FIELD("bytes_sent", U64, bytes_sent),
	FIELD("bytes_retrans", U64, bytes_retrans),
	FIELD("bytes_acked", U64, bytes_acked),
	FIELD("bytes_received", U64, bytes_received),
	FIELD("segs_out", U32, segs_out),
	FIELD("segs_in", U32, segs_in),
	FIELD("data_segs_out", U32, data_segs_out),
	FIELD("data_segs_in", U32, data_segs_in),
};

static const struct info_field last[] = {
	FIELD("lastsnd", U32, last_data_sent),
	FIELD("lastrcv", U32, last_data_recv),
	FIELD("lastack", U32, last_ack_recv),
};

static const struct info_field delivered[] = {
	FIELD("delivered", U32, delivered),
	FIELD("delivered_ce", U32, delivered_ce),
};

static const struct info_field disorder[] = {
	FIELD("dsack_dups", U32, dsack_dups),
	FIELD("fackets", U32, fackets),
};

static const struct info_field receiving[] = {
	FIELD("reord_seen", U32, reord_seen),
	FIELD("rcv_rtt", MS, rcv_rtt),
	FIELD("rcv_space", U32, rcv_space),
	FIELD("rcv_ssthresh", U32, rcv_ssthresh),
	FIELD("notsent", U32, notsent_bytes),
};

static const struct info_field rest[] = {
	FIELD("rcv_ooopack", U32, rcv_ooopack),
	FIELD("snd_wnd", U32, snd_wnd),
};

static void say_fields(struct ss_details *details, const struct tcp_info *info, const struct info_field *fields,
		       size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const char *at = (const char *)info + fields[i].offset;
		unsigned long long value = fields[i].form == U64 ? *(const __u64 *)at : *(const __u32 *)at;

		if (!value)
			continue;
		if (fields[i].form == MS)
			ss_say(details, " %s:%g", fields[i].word, value / 1000.0);
		else
			ss_say(details, " %s:%llu", fields[i].word, value);
	}
}

#define SAY_FIELDS(fields)	say_fields(details, info, fields, sizeof(fields) / sizeof(fields[0]))

/* Bits per second, with three digits and a unit. */
static const char *rate(const struct ss_details *details, double bits)
{
	static const struct {
		double unit;
		const char *letter;
	} units[] = { { 1e12, "T" }, { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" } };
	static char text[64];
	size_t i;

	if (details->wanted->exact) {
		snprintf(text, sizeof(text), "%.0f", bits);
		return text;
	}
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (bits >= units[i].unit) {
			snprintf(text, sizeof(text), "%.3g%s", bits / units[i].unit, units[i].letter);
			return text;
		}
	}
	snprintf(text, sizeof(text), "%g", bits);
	return text;
}

/* The name of an algorithm, chosen by a kernel module. It may lack a NUL. */
void ss_say_name(struct ss_details *details, const char *before, const struct nlattr *name)
{
	char text[SAFE_TEXT_GROWTH * ALGORITHM_MAX];
	size_t size = mnl_attr_get_payload_len(name);

	if (size > ALGORITHM_MAX)
		size = ALGORITHM_MAX;
	ss_say(details, "%s%.*s", before, (int)(put_safe(text, mnl_attr_get_payload(name), size) - text), text);
}

/* ---- the parts, in order ---- */

static void say_negotiated(struct ss_details *details, const struct tcp_info *info, const struct nlattr *congestion)
{
	static const struct {
		unsigned int bit;
		const char *word;
	} options[] = {
		{ TCPI_OPT_TIMESTAMPS, "ts" },	    { TCPI_OPT_SACK, "sack" },
		{ TCPI_OPT_ECN, "ecn" },	    { TCPI_OPT_ECN_SEEN, "ecnseen" },
		{ TCPI_OPT_SYN_DATA, "fastopen" },
	};
	size_t i;

	/* ss prints these only with -o. */
	for (i = 0; i < sizeof(options) / sizeof(options[0]) && details->wanted->timers; i++)
		if (info->tcpi_options & options[i].bit)
			ss_say(details, " %s", options[i].word);
	if (sockdiag_payload(congestion, 2))
		ss_say_name(details, " ", congestion);
	if (info->tcpi_options & TCPI_OPT_WSCALE)
		ss_say(details, " wscale:%u,%u", info->tcpi_snd_wscale, info->tcpi_rcv_wscale);
}

static void say_times(struct ss_details *details, const struct tcp_info *info)
{
	if (info->tcpi_rto && info->tcpi_rto != NO_RTO)
		ss_say(details, " rto:%g", info->tcpi_rto / 1000.0);
	if (info->tcpi_backoff)
		ss_say(details, " backoff:%u", info->tcpi_backoff);
	if (info->tcpi_rtt)
		ss_say(details, " rtt:%g/%g", info->tcpi_rtt / 1000.0, info->tcpi_rttvar / 1000.0);
	if (info->tcpi_ato)
		ss_say(details, " ato:%g", info->tcpi_ato / 1000.0);
}

/* The details of the congestion control. */
static void say_congestion(struct ss_details *details, const struct sockdiag_attributes *attributes)
{
	const struct tcp_dctcp_info *dctcp =
		sockdiag_payload(attributes->by[INET_DIAG_DCTCPINFO], sizeof(*dctcp));
	const struct tcp_bbr_info *bbr = sockdiag_payload(attributes->by[INET_DIAG_BBRINFO], sizeof(*bbr));

	if (dctcp && dctcp->dctcp_enabled)
		ss_say(details, " dctcp:(ce_state:%u,alpha:%u,ab_ecn:%u,ab_tot:%u)", dctcp->dctcp_ce_state,
		       dctcp->dctcp_alpha, dctcp->dctcp_ab_ecn, dctcp->dctcp_ab_tot);
	else if (dctcp)
		ss_say(details, " dctcp:fallback_mode");
	if (!bbr)
		return;
	ss_say(details, " bbr:(bw:%sbps,mrtt:%g",
	       rate(details, 8.0 * ((unsigned long long)bbr->bbr_bw_hi << 32 | bbr->bbr_bw_lo)),
	       bbr->bbr_min_rtt / 1000.0);
	if (bbr->bbr_pacing_gain)
		ss_say(details, ",pacing_gain:%g", bbr->bbr_pacing_gain / 256.0);
	if (bbr->bbr_cwnd_gain)
		ss_say(details, ",cwnd_gain:%g", bbr->bbr_cwnd_gain / 256.0);
	ss_say(details, ")");
}

static void say_send_rate(struct ss_details *details, const struct tcp_info *info, const struct nlattr *attribute)
{
	const struct tcpvegas_info *vegas = sockdiag_payload(attribute, sizeof(*vegas));
	double rtt = info->tcpi_rtt;

	if (vegas && vegas->tcpv_enabled && vegas->tcpv_rtt && vegas->tcpv_rtt != 0x7fffffff)
		rtt = vegas->tcpv_rtt;
	if (rtt > 0 && info->tcpi_snd_mss && info->tcpi_snd_cwnd)
		ss_say(details, " send %sbps",
		       rate(details, (double)info->tcpi_snd_cwnd * info->tcpi_snd_mss * 8000000. / rtt));
}

static void say_pacing(struct ss_details *details, const struct tcp_info *info)
{
	if (info->tcpi_pacing_rate && info->tcpi_pacing_rate != ~0ull) {
		ss_say(details, " pacing_rate %sbps", rate(details, info->tcpi_pacing_rate * 8.));
		if (info->tcpi_max_pacing_rate && info->tcpi_max_pacing_rate != ~0ull)
			ss_say(details, "/%sbps", rate(details, info->tcpi_max_pacing_rate * 8.));
	}
	if (info->tcpi_delivery_rate)
		ss_say(details, " delivery_rate %sbps", rate(details, info->tcpi_delivery_rate * 8.));
}

static void say_share(struct ss_details *details, const char *word, unsigned long long us, unsigned long long all)
{
	if (us)
		ss_say(details, " %s:%llums(%.1f%%)", word, us / 1000, 100.0 * us / all);
}

static void say_limits(struct ss_details *details, const struct tcp_info *info)
{
	if (info->tcpi_delivery_rate_app_limited)
		ss_say(details, " app_limited");
	if (!info->tcpi_busy_time)
		return;
	ss_say(details, " busy:%llums", (unsigned long long)info->tcpi_busy_time / 1000);
	say_share(details, "rwnd_limited", info->tcpi_rwnd_limited, info->tcpi_busy_time);
	say_share(details, "sndbuf_limited", info->tcpi_sndbuf_limited, info->tcpi_busy_time);
}

static void say_flight(struct ss_details *details, const struct tcp_info *info, bool listens)
{
	if (info->tcpi_unacked)
		ss_say(details, " unacked:%u", info->tcpi_unacked);
	if (info->tcpi_retrans || info->tcpi_total_retrans)
		ss_say(details, " retrans:%u/%u", info->tcpi_retrans, info->tcpi_total_retrans);
	if (info->tcpi_lost)
		ss_say(details, " lost:%u", info->tcpi_lost);
	/* For a listener this field has the backlog. */
	if (info->tcpi_sacked && !listens)
		ss_say(details, " sacked:%u", info->tcpi_sacked);
	SAY_FIELDS(disorder);
	if (info->tcpi_reordering != REORDERING)
		ss_say(details, " reordering:%d", info->tcpi_reordering);
}

/* ---- parts from outside struct tcp_info ---- */

static void say_md5(struct ss_details *details, const struct nlattr *attribute)
{
	const struct tcp_diag_md5sig *signature = sockdiag_payload(attribute, sizeof(*signature));
	size_t left = attribute ? mnl_attr_get_payload_len(attribute) : 0, i;
	char address[INET6_ADDRSTRLEN];
	const char *before = " md5keys:";

	for (; left >= sizeof(*signature); signature++, left -= sizeof(*signature)) {
		inet_ntop(signature->tcpm_family, signature->tcpm_addr, address, sizeof(address));
		ss_say(details, "%s%s/%d=", before, address, signature->tcpm_prefixlen);
		before = ",";
		for (i = 0; i < signature->tcpm_keylen && i < sizeof(signature->tcpm_key); i++) {
			unsigned char byte = signature->tcpm_key[i];

			if (byte > ' ' && byte <= '~' && byte != ',' && byte != '\\')
				ss_say(details, "%c", byte);
			else
				ss_say(details, "\\%03o", byte);
		}
	}
}

static void say_info(struct ss_details *details, const struct inet_diag_msg *head, const struct tcp_info *info,
		     const struct sockdiag_attributes *attributes)
{
	say_negotiated(details, info, attributes->by[INET_DIAG_CONG]);
	say_times(details, info);
	SAY_FIELDS(segments);
	if (info->tcpi_snd_ssthresh && info->tcpi_snd_ssthresh < NO_SSTHRESH)
		ss_say(details, " ssthresh:%u", info->tcpi_snd_ssthresh);
	SAY_FIELDS(traffic);
	say_congestion(details, attributes);
	say_send_rate(details, info, attributes->by[INET_DIAG_VEGASINFO]);
	SAY_FIELDS(last);
	say_pacing(details, info);
	SAY_FIELDS(delivered);
	say_limits(details, info);
	say_flight(details, info, head->idiag_state == TCPTRACE_S_LISTEN);
	SAY_FIELDS(receiving);
	if (info->tcpi_min_rtt && info->tcpi_min_rtt != ~0u)
		ss_say(details, " minrtt:%g", info->tcpi_min_rtt / 1000.0);
	SAY_FIELDS(rest);
}

void ss_info_fill(struct ss_details *details, const struct inet_diag_msg *head,
		  const struct sockdiag_attributes *attributes)
{
	const struct nlattr *attribute = attributes->by[INET_DIAG_INFO];
	struct tcp_info info = { 0 };
	size_t size;

	/* It is shorter on older kernels, and longer on newer ones. */
	if (attribute) {
		size = mnl_attr_get_payload_len(attribute);
		memcpy(&info, mnl_attr_get_payload(attribute), size < sizeof(info) ? size : sizeof(info));
		say_info(details, head, &info, attributes);
	}
	say_md5(details, attributes->by[INET_DIAG_MD5SIG]);
	ss_upper_fill(details, attributes->by[INET_DIAG_ULP_INFO]);
}
