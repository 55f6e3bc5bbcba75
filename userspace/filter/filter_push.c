// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clauses for a source: the expression in disjunctive form. What clauses cannot express (a negated prefix, a
 * device, a process) counts as "any", so the union stays a superset.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "filter/filter_impl.h"

/* Twice what a source accepts: an intermediate result may be larger than the final one. */
#define LIST_MAX	(2 * TCPTRACE_CLAUSES_MAX)

struct list {
	bool any;	/* everything; then there are no clauses. If false without clauses: nothing */
	size_t count;
	struct tcptrace_clause clauses[LIST_MAX];
};

static uint16_t larger(uint16_t a, uint16_t b)
{
	return a > b ? a : b;
}

static uint16_t smaller(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

static bool is_any(const struct tcptrace_clause *clause)
{
	return !clause->saddr_len && !clause->daddr_len && !clause->family && !clause->sport_min &&
	       clause->sport_max == UINT16_MAX && !clause->dport_min &&
	       clause->dport_max == UINT16_MAX;
}

static bool is_none(const struct tcptrace_clause *clause)
{
	return clause->sport_min > clause->sport_max || clause->dport_min > clause->dport_max;
}

static bool prefix_holds(const uint8_t *outer, uint8_t outer_length, const uint8_t *inner,
			 uint8_t inner_length)
{
	return outer_length <= inner_length && filter_prefix_fits(inner, outer, outer_length);
}

/* Whether everything that `inner` matches is matched by `outer`. */
static bool holds(const struct tcptrace_clause *outer, const struct tcptrace_clause *inner)
{
	return prefix_holds(outer->saddr, outer->saddr_len, inner->saddr, inner->saddr_len) &&
	       prefix_holds(outer->daddr, outer->daddr_len, inner->daddr, inner->daddr_len) &&
	       (!outer->family || outer->family == inner->family) &&
	       outer->sport_min <= inner->sport_min && outer->sport_max >= inner->sport_max &&
	       outer->dport_min <= inner->dport_min && outer->dport_max >= inner->dport_max;
}

/* Leaves in *address the intersection of both prefixes; false: it is empty. */
static bool meet_prefix(uint8_t *address, uint8_t *length, const uint8_t *other,
			uint8_t other_length)
{
	if (prefix_holds(other, other_length, address, *length))
		return true;
	if (!prefix_holds(address, *length, other, other_length))
		return false;
	memcpy(address, other, TCPTRACE_ADDR_LEN);
	*length = other_length;
	return true;
}

/* Leaves in *clause the intersection of both; false: it is empty. */
static bool meet(struct tcptrace_clause *clause, const struct tcptrace_clause *other)
{
	if (clause->family && other->family && clause->family != other->family)
		return false;
	clause->family |= other->family;
	clause->sport_min = larger(clause->sport_min, other->sport_min);
	clause->sport_max = smaller(clause->sport_max, other->sport_max);
	clause->dport_min = larger(clause->dport_min, other->dport_min);
	clause->dport_max = smaller(clause->dport_max, other->dport_max);
	return !is_none(clause) &&
	       meet_prefix(clause->saddr, &clause->saddr_len, other->saddr, other->saddr_len) &&
	       meet_prefix(clause->daddr, &clause->daddr_len, other->daddr, other->daddr_len);
}

static void make_any(struct list *list)
{
	list->any = true;
	list->count = 0;
}

/* False: the list was full, and is "any" now. */
static bool add(struct list *list, const struct tcptrace_clause *clause)
{
	size_t i, kept = 0;

	if (list->any || is_none(clause))
		return true;
	if (is_any(clause)) {
		make_any(list);
		return true;
	}
	for (i = 0; i < list->count; i++)
		if (holds(&list->clauses[i], clause))
			return true;
	for (i = 0; i < list->count; i++)
		if (!holds(clause, &list->clauses[i]))
			list->clauses[kept++] = list->clauses[i];
	list->count = kept;
	if (kept == LIST_MAX) {
		make_any(list);
		return false;
	}
	list->clauses[list->count++] = *clause;
	return true;
}

static void add_ports(struct list *list, uint16_t min, uint16_t max, bool local)
{
	struct tcptrace_clause clause = filter_any();

	if (local) {
		clause.sport_min = min;
		clause.sport_max = max;
	} else {
		clause.dport_min = min;
		clause.dport_max = max;
	}
	add(list, &clause);
}

static void add_other_ports(struct list *list, uint16_t min, uint16_t max, bool local)
{
	if (min > 0)
		add_ports(list, 0, min - 1, local);
	if (max < UINT16_MAX)
		add_ports(list, max + 1, UINT16_MAX, local);
}

/* The complement of `clause`: at least one of its parts does not match. */
static void add_contrary(struct list *list, const struct tcptrace_clause *clause)
{
	struct tcptrace_clause family = filter_any();

	if (clause->saddr_len || clause->daddr_len) {
		make_any(list);
		return;
	}
	if (clause->family) {
		family.family = clause->family == AF_INET ? AF_INET6 : AF_INET;
		add(list, &family);
	}
	add_other_ports(list, clause->sport_min, clause->sport_max, true);
	add_other_ports(list, clause->dport_min, clause->dport_max, false);
}

/* Both functions take ownership of the lists and return one of them. */
static struct list *unite(struct list *left, struct list *right)
{
	size_t i;

	if (right->any)
		make_any(left);
	for (i = 0; i < right->count; i++)
		add(left, &right->clauses[i]);
	free(right);
	return left;
}

static struct list *intersect(struct list *left, struct list *right)
{
	struct list *both = NULL, *kept;
	bool fits = false;
	size_t i, j;

	if (!left->any && !right->any)
		both = calloc(1, sizeof(*both));
	if (both) {
		fits = true;
		for (i = 0; i < left->count && fits; i++) {
			for (j = 0; j < right->count && fits; j++) {
				struct tcptrace_clause clause = left->clauses[i];

				if (meet(&clause, &right->clauses[j]))
					fits = add(both, &clause);
			}
		}
	}
	if (fits) {
		free(left);
		free(right);
		return both;
	}
	free(both);
	/* Too many: the intersection is a subset of either. */
	kept = left->any || (!right->any && right->count < left->count) ? right : left;
	free(kept == left ? right : left);
	return kept;
}

/* The clauses of an expression, or of its negation; NULL: no memory. */
static struct list *push(const struct filter *filter, int index, bool negated)
{
	const struct filter_node *node = &filter->nodes[index];
	struct list *left, *right;

	negated ^= node->negated;
	if (node->op == FILTER_TEST) {
		left = calloc(1, sizeof(*left));
		if (!left)
			return NULL;
		if (node->has_device || node->has_process)
			make_any(left);
		else if (negated)
			add_contrary(left, &node->clause);
		else
			add(left, &node->clause);
		return left;
	}
	left = push(filter, node->left, negated);
	if (!left)
		return NULL;
	right = push(filter, node->right, negated);
	if (!right) {
		free(left);
		return NULL;
	}
	return (node->op == FILTER_AND) != negated ? intersect(left, right) : unite(left, right);
}

/* If nothing matches: only a socket without ports. For a source, no clause at all means everything. */
static void add_least(struct list *list)
{
	struct tcptrace_clause clause = { 0 };

	add(list, &clause);
}

size_t filter_clauses(const struct filter *filter, struct tcptrace_clause *clauses, size_t max)
{
	struct tcptrace_clause family = filter_any();
	struct list *list, *restricted;
	size_t count = 0;

	list = filter->root < 0 ? calloc(1, sizeof(*list)) : push(filter, filter->root, false);
	if (!list)
		return 0;
	if (filter->root < 0)
		make_any(list);
	family.family = filter->family;
	restricted = calloc(1, sizeof(*restricted));
	if (restricted) {
		add(restricted, &family);
		list = intersect(list, restricted);
	}
	if (!list->any && !list->count)
		add_least(list);
	if (!list->any && list->count <= max) {
		count = list->count;
		memcpy(clauses, list->clauses, count * sizeof(*clauses));
	}
	free(list);
	return count;
}
