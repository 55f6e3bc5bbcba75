// SPDX-License-Identifier: GPL-2.0-only
/* What lies on a TCP socket, as ss -i prints it: kernel TLS, MPTCP. */
#include <linux/mptcp.h>
#include <linux/tls.h>
#include <string.h>

#include "view/table/ss_details.h"

/* An unsigned number of `size` bytes; false: the attribute is missing or too short. */
static bool number_of(const struct sockdiag_attributes *nest, unsigned int type, size_t size, uint64_t *number)
{
	const void *payload = sockdiag_payload(nest->by[type], size);

	*number = 0;
	if (payload)
		memcpy(number, payload, size);
	return payload;
}

/* ---- kernel TLS ---- */

struct word {
	uint16_t number;
	const char *word;
};

static const struct word versions[] = { { TLS_1_2_VERSION, "1.2" }, { TLS_1_3_VERSION, "1.3" }, { 0, NULL } };
static const struct word ciphers[] = {
	{ TLS_CIPHER_AES_GCM_128, "aes-gcm-128" }, { TLS_CIPHER_AES_GCM_256, "aes-gcm-256" }, { 0, NULL }
};
static const struct word modes[] = {
	{ TLS_CONF_BASE, "none" }, { TLS_CONF_SW, "sw" }, { TLS_CONF_HW, "hw" }, { TLS_CONF_HW_RECORD, "hw-record" },
	{ 0, NULL }
};

static void say_word(struct ss_details *details, const struct sockdiag_attributes *nest, unsigned int type,
		     const char *name, const struct word *words)
{
	uint64_t number;

	if (!number_of(nest, type, sizeof(uint16_t), &number))
		return;
	while (words->word && words->number != number)
		words++;
	if (words->word)
		ss_say(details, " %s: %s", name, words->word);
	else
		ss_say(details, " %s: unknown(%u)", name, (unsigned int)number);
}

static void say_tls(struct ss_details *details, const struct nlattr *attribute)
{
	struct sockdiag_attributes nest;

	sockdiag_parse_nested(attribute, &nest);
	say_word(details, &nest, TLS_INFO_VERSION, "version", versions);
	say_word(details, &nest, TLS_INFO_CIPHER, "cipher", ciphers);
	say_word(details, &nest, TLS_INFO_RXCONF, "rxconf", modes);
	say_word(details, &nest, TLS_INFO_TXCONF, "txconf", modes);
	if (nest.by[TLS_INFO_ZC_RO_TX])
		ss_say(details, " zc_ro_tx");
}

/* ---- MPTCP ---- */

/* MPTCP_SUBFLOW_FLAG_ from bit 0 on: capable, join, backup (remote, local), established, connected, mapping valid. */
static const char subflow_flags[] = "MmJjBbecv";

static void say_subflow_flags(struct ss_details *details, uint64_t flags)
{
	unsigned int i;

	if (flags)
		ss_say(details, " flags:");
	for (i = 0; subflow_flags[i]; i++)
		if (flags >> i & 1)
			ss_say(details, "%c", subflow_flags[i]);
}

static void say_mptcp(struct ss_details *details, const struct nlattr *attribute)
{
	struct sockdiag_attributes nest;
	uint64_t number, token_rem, token_loc, id_rem, id_loc;

	sockdiag_parse_nested(attribute, &nest);
	if (number_of(&nest, MPTCP_SUBFLOW_ATTR_FLAGS, sizeof(uint32_t), &number))
		say_subflow_flags(details, number);
	if (number_of(&nest, MPTCP_SUBFLOW_ATTR_TOKEN_REM, sizeof(uint32_t), &token_rem) &&
	    number_of(&nest, MPTCP_SUBFLOW_ATTR_TOKEN_LOC, sizeof(uint32_t), &token_loc) &&
	    number_of(&nest, MPTCP_SUBFLOW_ATTR_ID_REM, sizeof(uint8_t), &id_rem) &&
	    number_of(&nest, MPTCP_SUBFLOW_ATTR_ID_LOC, sizeof(uint8_t), &id_loc))
		ss_say(details, " token:%04x(id:%u)/%04x(id:%u)", (unsigned int)token_rem, (unsigned int)id_rem,
		       (unsigned int)token_loc, (unsigned int)id_loc);
	if (number_of(&nest, MPTCP_SUBFLOW_ATTR_MAP_SEQ, sizeof(uint64_t), &number))
		ss_say(details, " seq:%llx", (unsigned long long)number);
	if (number_of(&nest, MPTCP_SUBFLOW_ATTR_MAP_SFSEQ, sizeof(uint32_t), &number))
		ss_say(details, " sfseq:%x", (unsigned int)number);
	if (number_of(&nest, MPTCP_SUBFLOW_ATTR_SSN_OFFSET, sizeof(uint32_t), &number))
		ss_say(details, " ssnoff:%x", (unsigned int)number);
	if (number_of(&nest, MPTCP_SUBFLOW_ATTR_MAP_DATALEN, sizeof(uint16_t), &number))
		ss_say(details, " maplen:%x", (unsigned int)number);
}

void ss_upper_fill(struct ss_details *details, const struct nlattr *attribute)
{
	struct sockdiag_attributes nest;

	sockdiag_parse_nested(attribute, &nest);
	if (!nest.by[INET_ULP_INFO_NAME])
		return;
	ss_say_name(details, " tcp-ulp-", nest.by[INET_ULP_INFO_NAME]);
	say_tls(details, nest.by[INET_ULP_INFO_TLS]);
	say_mptcp(details, nest.by[INET_ULP_INFO_MPTCP]);
}
