// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decides a record. The expression is linked once into a walk from test to test: each test knows the next one for
 * either outcome, so neither operators nor a stack are needed per record. What is not known matches, whether negated or
 * not, because it may be true.
 */
#include <sys/socket.h>

#include "filter/filter_impl.h"

/*
 * Returns the test that an expression starts with, given where to go on if it matches and if not. `negated`: the branch
 * after a mismatch makes the expression match.
 */
static int link_node(struct filter *filter, int index, int yes, int no, bool negated)
{
	for (;;) {
		struct filter_node *node = &filter->nodes[index];
		int other;

		if (node->negated) {
			other = yes;
			yes = no;
			no = other;
			negated = !negated;
		}
		if (node->op == FILTER_TEST) {
			node->yes = yes;
			node->no = no;
			node->unknown = negated ? no : yes;
			return index;
		}
		/* Lists grow to the left: only parentheses on the right recurse deeply. */
		other = link_node(filter, node->right, yes, no, negated);
		if (node->op == FILTER_AND)
			yes = other;
		else
			no = other;
		index = node->left;
	}
}

void filter_link(struct filter *filter)
{
	filter->first = filter->root < 0 ? FILTER_YES :
			link_node(filter, filter->root, FILTER_YES, FILTER_NO, false);
}

static bool is_process(const struct process *wanted, const struct process *process)
{
	return wanted->pid ? wanted->pid == process->pid :
			     process->pid && !strncmp(wanted->comm, process->comm, TCPTRACE_COMM_LEN - 1);
}

/* A socket that is bound to no device is on none of them, whatever its segments travel through. */
static bool is_device(const struct filter_device *wanted, const struct zone *zone)
{
	const char *name;

	if (wanted->number && wanted->ifindex == zone->ifindex)
		return true;
	name = device_name(zone);
	return name && !strcmp(wanted->name, name);
}

/* Without it, a test can be neither true nor false. */
static bool is_known(const struct filter_node *node, const struct filter_subject *subject)
{
	const struct zone *zone = &subject->zone;

	if (node->has_process)
		return subject->process;
	return !node->has_device || !zone->ifindex || node->device.number || device_name(zone);
}

static bool test(const struct filter_node *node, const struct filter_subject *subject)
{
	const struct tcptrace_clause *clause = &node->clause;

	if (node->has_process)
		return is_process(&node->process, subject->process);
	if (node->has_device)
		return is_device(&node->device, &subject->zone);
	return subject->sport >= clause->sport_min && subject->sport <= clause->sport_max &&
	       subject->dport >= clause->dport_min && subject->dport <= clause->dport_max &&
	       (!clause->family || clause->family == subject->family) &&
	       (!clause->saddr_len ||
		filter_prefix_fits(subject->saddr, clause->saddr, clause->saddr_len)) &&
	       (!clause->daddr_len ||
		filter_prefix_fits(subject->daddr, clause->daddr, clause->daddr_len));
}

/* As in ss, a request socket is in SYN-RECV until it ends; bit 0 is for what has no state. */
static uint32_t state_bit(const struct filter_subject *subject)
{
	if (subject->kind == TCPTRACE_K_REQUEST && subject->state != TCPTRACE_S_CLOSE)
		return 1u << TCPTRACE_S_SYN_RECV;
	if (subject->kind == TCPTRACE_K_TIMEWAIT && !subject->state)
		return 1u << TCPTRACE_S_TIME_WAIT;
	return subject->state <= TCPTRACE_STATE_MAX ? 1u << subject->state : 1;
}

bool filter_match(const struct filter *filter, const struct filter_subject *subject)
{
	int next = filter->first;

	if (filter->has_states && !(filter->states & state_bit(subject)))
		return false;
	if (filter->family && filter->family != subject->family)
		return false;
	while (next >= 0) {
		const struct filter_node *node = &filter->nodes[next];

		if (!is_known(node, subject))
			next = node->unknown;
		else
			next = test(node, subject) ? node->yes : node->no;
	}
	return next == FILTER_YES;
}
