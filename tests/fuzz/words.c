// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the fuzzers mutate command lines and filters: word by word, mostly with words that mean something. An input is
 * words separated by newlines, up to a NUL, and then whatever else that fuzzer needs.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);

static const char *const known[] = {
	/* a filter's */
	"9090", ":80", ":http", "src", "dst", "sport", "dport", "dev", "=", "==", "!=", ">", "<=", "lt", "ge", "eq", "neq", "(", ")", "not",
	"!", "and", "or", "&", "|", "state", "exclude", "connected", "synchronized", "bucket", "big", "all", "time-wait", "fin-wait-1",
	"10.0.0.0/8", "10/255.0.0.0:1", "[::1]:443", "[2001:db8::/32]", "::1", "inet6:*", "inet:0", "*:", "*", "any", "lo", "fwmark",
	"cgroup", "autobound", "process", "nginx", "0x1/0x2", "\\(", "127.0.0.1", "::ffff:1.2.3.4", "unix:x", "dst=", "( sport = :1 )",
	"sport >= :8000 and sport <= :8100", "4294967296", "-1", "65536", "/33", "%eth0",
	/* options */
	"--json", "-n", "-H", "-q", "-4", "-6", "-t", "-a", "-l", "-p", "-o", "-e", "-m", "-i", "-s", "-O", "-r", "-b", "-K", "-Z", "-z",
	"-N", "-A", "-f", "-F", "-D", "-W", "-c", "-ee", "-tanpoemi", "--level=", "--duration=", "--count=", "--max-endpoints=", "--max-messages=",
	"--sort=", "--rows=", "--interval=", "--range=", "--history", "--history=", "--once", "--explain", "--absolute-seq", "--svg=-",
	"--batch", "--fail-on-loss", "--family=", "--query=", "--filter=", "--net=", "--summary", "--oneline", "--extended", "--info",
	"--memory", "--timers", "--resolve", "--cgroup", "--tos", "--inet-sockopt", "--wide", "--programs", "--protocol=", "--inet",
	"--inet6", "--tcp", "--listening", "--format=", "--textfile=", "--source=", "--source=-", "--", "--help", "--usage", "-V", "-?",
	/* their values */
	"life", "queue", "segment", "inet", "inet6", "tcp", "udp", "link", "rate", "recvq", "0", "1", "2", "0.5", "1e9", "nan", "inf",
	"99999999999999999999", "1-2", "32768-60999", "jsonl", "pcapng", "perfetto", "prometheus", "auto",
	/* commands */
	"watch", "ss", "netstat", "listen", "ports", "top", "ladder", "window", "states", "export",
};

#define WORDS_MAX	40
#define WORD_MAX	256

struct words {
	char text[WORDS_MAX][WORD_MAX];
	size_t count;
};

static uint64_t random_state;

static uint32_t below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 32) * limit >> 32;
}

static const char *any_known(void)
{
	return known[below(sizeof(known) / sizeof(known[0]))];
}

static void set(char *word, const char *text, size_t size)
{
	if (size > WORD_MAX - 1)
		size = WORD_MAX - 1;
	memmove(word, text, size);
	word[size] = '\0';
}

static void parse(struct words *words, const char *data, size_t size)
{
	const char *end = data + size;

	for (words->count = 0; data < end && words->count < WORDS_MAX; words->count++) {
		const char *stop = memchr(data, '\n', end - data) ?: end;

		set(words->text[words->count], data, stop - data);
		data = stop + 1;
	}
}

/* As many as there is room for. */
static size_t put(const struct words *words, char *data, size_t most)
{
	size_t used = 0, i;

	for (i = 0; i < words->count; i++) {
		size_t length = strlen(words->text[i]);

		if (used + length + 1 > most)
			break;
		if (i)
			data[used++] = '\n';
		memcpy(data + used, words->text[i], length);
		used += length;
	}
	return used;
}

static void insert(struct words *words, const char *text)
{
	size_t at = below(words->count + 1);

	if (words->count == WORDS_MAX)
		return;
	memmove(words->text[at + 1], words->text[at], (words->count - at) * WORD_MAX);
	words->count++;
	set(words->text[at], text, strlen(text));
}

static void join(char *word, const char *text)
{
	size_t length = strlen(word), more = strlen(text);

	if (length + more < WORD_MAX)
		memcpy(word + length, text, more + 1);
}

/* Any bytes except those that end a word. */
static void change_bytes(char *word)
{
	size_t size = LLVMFuzzerMutate((uint8_t *)word, strlen(word), WORD_MAX - 1), i;

	word[size] = '\0';
	for (i = 0; i < size; i++)
		if (!word[i] || word[i] == '\n')
			word[i] = ' ';
}

static void change(struct words *words)
{
	size_t at = below(words->count), other;
	const char *text;
	char keep[WORD_MAX];

	switch (words->count ? below(8) : 0) {
	case 0:
	case 1:
		insert(words, any_known());
		break;
	case 2:
		text = any_known();
		set(words->text[at], text, strlen(text));
		break;
	case 3:
		join(words->text[at], any_known());
		break;
	case 4:
		memmove(words->text[at], words->text[at + 1], (words->count - at - 1) * WORD_MAX);
		words->count--;
		break;
	case 5:
		memcpy(keep, words->text[at], WORD_MAX);
		insert(words, keep);
		break;
	case 6:
		other = below(words->count);
		memcpy(keep, words->text[at], WORD_MAX);
		memcpy(words->text[at], words->text[other], WORD_MAX);
		memcpy(words->text[other], keep, WORD_MAX);
		break;
	default:
		change_bytes(words->text[at]);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
	static struct words words;
	static char rest[4096];
	size_t length = strnlen((char *)data, size), more = size - length, used;
	uint32_t changes;

	random_state = seed + 0x9e3779b97f4a7c15ull;
	below(1);
	if (more && !below(4))
		return length + LLVMFuzzerMutate(data + length, more, most - length);
	if (more > sizeof(rest))
		more = sizeof(rest);
	memcpy(rest, data + length, more);
	parse(&words, (char *)data, length);
	for (changes = 1 + below(4); changes; changes--)
		change(&words);
	used = put(&words, (char *)data, most);
	if (used + more > most)
		more = most - used;
	memcpy(data + used, rest, more);
	return used + more;
}
