// SPDX-License-Identifier: GPL-2.0-only
#include <asm/byteorder.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "classifier.h"

#define WORD_BITS	64

/* A clause as ranges, both bounds inclusive. */
struct box {
	struct tcptrace_wide from[TCPTRACE_FIELDS];
	struct tcptrace_wide to[TCPTRACE_FIELDS];
	u32 level;
	u32 bit;
};

/* Where a range begins, or the first value behind its end: from here on the clause's bit is inverted. */
struct edge {
	struct tcptrace_wide at;
	u32 bit;
};

static const struct tcptrace_wide highest[TCPTRACE_FIELDS] = {
	[TCPTRACE_FIELD_SPORT]	= { .low = 0xffff },
	[TCPTRACE_FIELD_DPORT]	= { .low = 0xffff },
	[TCPTRACE_FIELD_NETNS]	= { .low = 0xffffffff },
	[TCPTRACE_FIELD_FAMILY]	= { .low = 0xff },
	[TCPTRACE_FIELD_SADDR]	= { .high = ~0ull, .low = ~0ull },
	[TCPTRACE_FIELD_DADDR]	= { .high = ~0ull, .low = ~0ull },
};

static bool is_wide(enum tcptrace_field field)
{
	return field >= TCPTRACE_FIELD_SADDR;
}

static int compare_wide(const struct tcptrace_wide *a, const struct tcptrace_wide *b)
{
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	return a->low == b->low ? 0 : a->low < b->low ? -1 : 1;
}

static struct tcptrace_wide wide_of_address(const void *bytes)
{
	__be64 words[2];

	memcpy(words, bytes, sizeof(words));
	return (struct tcptrace_wide) { .high = __be64_to_cpu(words[0]), .low = __be64_to_cpu(words[1]) };
}

/* ---- clauses as ranges ---- */

static void box_set_range(struct box *box, enum tcptrace_field field, u32 from, u32 to)
{
	box->from[field] = (struct tcptrace_wide) { .low = from };
	box->to[field] = (struct tcptrace_wide) { .low = to };
}

/* 0: any. */
static void box_set_number(struct box *box, enum tcptrace_field field, u32 number)
{
	box_set_range(box, field, number, number ?: highest[field].low);
}

static void box_set_prefix(struct box *box, enum tcptrace_field field, const u8 *prefix, u8 length)
{
	u64 high = !length ? 0 : length >= 64 ? ~0ull : ~0ull << (64 - length);
	u64 low = length <= 64 ? 0 : ~0ull << (128 - length);
	struct tcptrace_wide from = wide_of_address(prefix);

	from.high &= high;
	from.low &= low;
	box->from[field] = from;
	box->to[field] = (struct tcptrace_wide) { .high = from.high | ~high, .low = from.low | ~low };
}

static void set_box(struct box *box, const struct tcptrace_rule *rule)
{
	const struct tcptrace_clause *clause = &rule->clause;

	memset(box, 0, sizeof(*box));
	box->level = rule->level;
	box_set_range(box, TCPTRACE_FIELD_SPORT, clause->sport_min, clause->sport_max);
	box_set_range(box, TCPTRACE_FIELD_DPORT, clause->dport_min, clause->dport_max);
	box_set_number(box, TCPTRACE_FIELD_NETNS, clause->netns);
	box_set_number(box, TCPTRACE_FIELD_FAMILY, clause->family);
	box_set_prefix(box, TCPTRACE_FIELD_SADDR, clause->saddr, clause->saddr_len);
	box_set_prefix(box, TCPTRACE_FIELD_DADDR, clause->daddr, clause->daddr_len);
}

static bool box_is_any(const struct box *box, enum tcptrace_field field)
{
	static const struct tcptrace_wide lowest;

	return !compare_wide(&box->from[field], &lowest) && !compare_wide(&box->to[field], &highest[field]);
}

static bool ports_only(const struct box *box)
{
	return box_is_any(box, TCPTRACE_FIELD_NETNS) && box_is_any(box, TCPTRACE_FIELD_FAMILY) &&
	       box_is_any(box, TCPTRACE_FIELD_SADDR) && box_is_any(box, TCPTRACE_FIELD_DADDR);
}

static int boxes_by_ranges(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(struct box, level));
}

static int boxes_by_level(const struct box *one, const struct box *other)
{
	return one->level == other->level ? 0 : one->level > other->level ? -1 : 1;
}

static int boxes_by_ranges_and_level(const void *a, const void *b)
{
	return boxes_by_ranges(a, b) ?: boxes_by_level(a, b);
}

static int boxes_by_level_and_ranges(const void *a, const void *b)
{
	return boxes_by_level(a, b) ?: boxes_by_ranges(a, b);
}

/*
 * Makes boxes of the rules, highest level first. Of equal clauses only the one with the highest level is kept. Returns
 * how many there are.
 */
static u32 make_boxes(struct box *boxes, const struct tcptrace_rule *rules, u32 count)
{
	u32 i, made = 0, kept = 0;

	for (i = 0; i < count; i++)
		if (rules[i].level > TCPTRACE_L_OFF)
			set_box(&boxes[made++], &rules[i]);
	sort(boxes, made, sizeof(*boxes), boxes_by_ranges_and_level, NULL);
	for (i = 0; i < made; i++)
		if (!kept || boxes_by_ranges(&boxes[i], &boxes[kept - 1]))
			boxes[kept++] = boxes[i];
	sort(boxes, kept, sizeof(*boxes), boxes_by_level_and_ranges, NULL);
	return kept;
}

/* Gives each box its bit, and says in `words` how many words of a vector each level needs. */
static void give_bits(struct box *boxes, u32 count, u32 *words)
{
	u32 bit = 0, level, i = 0;

	for (level = TCPTRACE_L_SEGMENT; level > TCPTRACE_L_OFF; level--) {
		for (bit = round_up(bit, WORD_BITS); i < count && boxes[i].level == level; i++)
			boxes[i].bit = bit++;
		words[level] = DIV_ROUND_UP(bit, WORD_BITS);
	}
}

/* ---- ranges as intervals ---- */

static int edges_by_place(const void *a, const void *b)
{
	return compare_wide(&((const struct edge *)a)->at, &((const struct edge *)b)->at);
}

/* The edges within a field, ascending, without those at its lowest and highest value. Returns how many. */
static u32 make_edges(struct edge *edges, const struct box *boxes, u32 count, enum tcptrace_field field)
{
	u32 i, made = 0;

	for (i = 0; i < count; i++) {
		const struct tcptrace_wide *from = &boxes[i].from[field], *to = &boxes[i].to[field];

		if (from->high || from->low)
			edges[made++] = (struct edge) { .at = *from, .bit = boxes[i].bit };
		if (compare_wide(to, &highest[field]) < 0)
			edges[made++] = (struct edge) {
				.at = { .high = to->high + !(to->low + 1), .low = to->low + 1 },
				.bit = boxes[i].bit,
			};
	}
	sort(edges, made, sizeof(*edges), edges_by_place, NULL);
	return made;
}

static u32 count_places(const struct edge *edges, u32 count)
{
	u32 i, places = 0;

	for (i = 0; i < count; i++)
		places += !i || edges_by_place(&edges[i], &edges[i - 1]);
	return places;
}

/* Sizes in words of 64 bits: first the bounds of the intervals, then their vectors. */
static u32 bounds_size(enum tcptrace_field field, u32 bounds)
{
	return is_wide(field) ? bounds * 2 : DIV_ROUND_UP(bounds, 2);
}

static u32 field_size(enum tcptrace_field field, u32 bounds, u32 stride)
{
	return bounds_size(field, bounds) + (bounds + 1) * stride;
}

static void flip_bit(u64 *vector, u32 bit)
{
	vector[bit / WORD_BITS] ^= 1ull << bit % WORD_BITS;
}

/* Sweeps over the field: an interval's vector is that of the interval before it, with the bits of the edge inverted. */
static void fill_vectors(u64 *vector, const struct edge *edges, u32 edge_count, const struct box *boxes, u32 count,
			 enum tcptrace_field field, u32 stride)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (!boxes[i].from[field].high && !boxes[i].from[field].low)
			flip_bit(vector, boxes[i].bit);
	for (i = 0; i < edge_count; i++) {
		if (!i || edges_by_place(&edges[i], &edges[i - 1])) {
			memcpy(vector + stride, vector, stride * sizeof(*vector));
			vector += stride;
		}
		flip_bit(vector, edges[i].bit);
	}
}

static void fill_bounds(u64 *space, const struct edge *edges, u32 count, enum tcptrace_field field)
{
	struct tcptrace_wide *wide = (void *)space;
	u32 *narrow = (void *)space;
	u32 i;

	for (i = 0; i < count; i++) {
		if (i && !edges_by_place(&edges[i], &edges[i - 1]))
			continue;
		if (is_wide(field))
			*wide++ = edges[i].at;
		else
			*narrow++ = edges[i].at.low;
	}
}

/* Returns the space that is left. */
static u64 *fill_field(struct tcptrace_classifier *classifier, enum tcptrace_field field, u64 *space,
		       struct edge *edges, const struct box *boxes, u32 count)
{
	struct tcptrace_intervals *intervals = &classifier->fields[field];
	u32 edge_count = make_edges(edges, boxes, count, field);
	u64 *vectors;

	intervals->bounds = count_places(edges, edge_count);
	intervals->narrow = (const u32 *)space;
	vectors = space + bounds_size(field, intervals->bounds);
	intervals->vectors = vectors;
	fill_bounds(space, edges, edge_count, field);
	fill_vectors(vectors, edges, edge_count, boxes, count, field, classifier->stride);
	return space + field_size(field, intervals->bounds, classifier->stride);
}

static struct tcptrace_classifier *build_of_boxes(struct box *boxes, u32 count, struct edge *edges)
{
	u32 words[TCPTRACE_L_SEGMENT + 1] = { };
	struct tcptrace_classifier *classifier;
	enum tcptrace_field field;
	size_t size;
	u64 *space;
	u32 i;

	give_bits(boxes, count, words);
	size = words[TCPTRACE_L_LIFE];
	for (field = 0; field < TCPTRACE_FIELDS; field++)
		size += field_size(field, count_places(edges, make_edges(edges, boxes, count, field)),
				   words[TCPTRACE_L_LIFE]);
	classifier = kvzalloc(sizeof(*classifier) + size * sizeof(u64), GFP_KERNEL);
	if (!classifier)
		return NULL;

	memcpy(classifier->words, words, sizeof(words));
	classifier->stride = words[TCPTRACE_L_LIFE];
	space = classifier->space;
	for (i = 0; i < count; i++)
		if (ports_only(&boxes[i]))
			flip_bit(space, boxes[i].bit);
	classifier->ports_only = space;
	space += classifier->stride;
	for (field = 0; field < TCPTRACE_FIELDS; field++)
		space = fill_field(classifier, field, space, edges, boxes, count);
	return classifier;
}

struct tcptrace_classifier *tcptrace_classifier_build(const struct tcptrace_rule *rules, u32 count)
{
	struct tcptrace_classifier *classifier = NULL;
	struct box *boxes = kvcalloc(count + 1, sizeof(*boxes), GFP_KERNEL);
	struct edge *edges = kvcalloc(2 * count + 1, sizeof(*edges), GFP_KERNEL);

	if (boxes && edges)
		classifier = build_of_boxes(boxes, make_boxes(boxes, rules, count), edges);
	kvfree(edges);
	kvfree(boxes);
	return classifier;
}

/* ---- looking up ---- */

static const u64 *tcptrace_find_address(const struct tcptrace_classifier *classifier, enum tcptrace_field field,
					const void *bytes)
{
	const struct tcptrace_intervals *intervals = &classifier->fields[field];
	struct tcptrace_wide value = wide_of_address(bytes);
	u32 from = 0, to = intervals->bounds;

	while (from < to) {
		u32 middle = (from + to) / 2;

		if (compare_wide(&intervals->wide[middle], &value) <= 0)
			from = middle + 1;
		else
			to = middle;
	}
	return intervals->vectors + from * classifier->stride;
}

bool tcptrace_classify(const struct tcptrace_classifier *classifier, u32 level, const struct tcptrace_key *key)
{
	const u64 *sport = tcptrace_classifier_find(classifier, TCPTRACE_FIELD_SPORT, key->sport);
	const u64 *dport = tcptrace_classifier_find(classifier, TCPTRACE_FIELD_DPORT, key->dport);
	const u64 *netns = tcptrace_classifier_find(classifier, TCPTRACE_FIELD_NETNS, key->netns);
	const u64 *family = tcptrace_classifier_find(classifier, TCPTRACE_FIELD_FAMILY, key->family);
	const u64 *saddr = tcptrace_find_address(classifier, TCPTRACE_FIELD_SADDR, &key->saddr);
	const u64 *daddr = tcptrace_find_address(classifier, TCPTRACE_FIELD_DADDR, &key->daddr);
	u32 words = classifier->words[level], i;

	for (i = 0; i < words; i++)
		if (sport[i] & dport[i] & netns[i] & family[i] & saddr[i] & daddr[i])
			return true;
	return false;
}
