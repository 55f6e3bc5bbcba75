/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The grammar of filters. It is that of ss, where "and", "or" and juxtaposition have the same precedence, from left to
 * right; a bare port and processes are added.
 */
%code requires {
#include "filter/filter_impl.h"
}

%code {
#include "base/array.h"

/* Where the range of ports of a relation starts and ends. */
enum relation { EQUAL, UNEQUAL, GREATER, LESS, AT_LEAST, AT_MOST };

static int add_endpoint(struct filter_parser *parser, bool local, struct filter_endpoint *ep);
static int add_ports(struct filter_parser *parser, bool local, enum relation relation,
		     const struct filter_endpoint *ep);
static int add_bare(struct filter_parser *parser, uint16_t port);
static int add_device(struct filter_parser *parser, const struct filter_device *device);
static int add_process(struct filter_parser *parser, const struct process *process);
static int add_both(struct filter_parser *parser, enum filter_op op, int left, int right);
static int negate(struct filter_parser *parser, int node);

static int filter_yylex(FILTER_YYSTYPE *value, struct filter_parser *parser);
static void filter_yyerror(struct filter_parser *parser, const char *reason);
}

%define api.pure full
%define api.prefix {filter_yy}
%define parse.error custom
%define parse.lac full
%param { struct filter_parser *parser }

%union {
	int node;		/* index; negative: an error, already reported */
	struct filter_endpoint ep;
	uint16_t port;
	struct filter_device device;
	struct process process;
	bool local;
	int relation;
}

%destructor { filter_endpoint_free(&$$); } <ep>

%token AND OR NOT SRC DST SPORT DPORT DEV PROCESS EQ NE GT LT GE LE
%token OPEN "(" CLOSE ")"
%token <ep> ADDRESS PORT
%token <port> BARE
%token <device> DEVICE
%token <process> NAME
%nterm <node> list condition node
%nterm <local> side port_side
%nterm <relation> relation

%%

filter:
	%empty
|	list				{ parser->filter->root = $list; }
;

list:
	condition
|	list OR condition		{ $$ = add_both(parser, FILTER_OR, $1, $3); }
|	list AND condition		{ $$ = add_both(parser, FILTER_AND, $1, $3); }
|	list condition			{ $$ = add_both(parser, FILTER_AND, $1, $2); }
;

condition:
	node				{ if ($1 < 0) YYABORT; $$ = $1; }
;

node:
	"(" list ")"			{ $$ = $2; }
|	NOT condition			{ $$ = negate(parser, $2); }
|	BARE				{ $$ = add_bare(parser, $1); }
|	side equal ADDRESS		{ $$ = add_endpoint(parser, $1, &$3); }
|	port_side relation PORT		{ $$ = add_ports(parser, $1, $2, &$3); }
|	DEV equal DEVICE		{ $$ = add_device(parser, &$3); }
|	DEV NE DEVICE			{ $$ = negate(parser, add_device(parser, &$3)); }
|	PROCESS equal NAME		{ $$ = add_process(parser, &$3); }
|	PROCESS NE NAME			{ $$ = negate(parser, add_process(parser, &$3)); }
;

side:
	SRC				{ $$ = true; }
|	DST				{ $$ = false; }
;

port_side:
	SPORT				{ $$ = true; }
|	DPORT				{ $$ = false; }
;

equal:
	%empty
|	EQ
;

relation:
	equal				{ $$ = EQUAL; }
|	NE				{ $$ = UNEQUAL; }
|	GT				{ $$ = GREATER; }
|	LT				{ $$ = LESS; }
|	GE				{ $$ = AT_LEAST; }
|	LE				{ $$ = AT_MOST; }
;

%%

static int add_node(struct filter_parser *parser, const struct filter_node *node)
{
	struct filter *filter = parser->filter;
	if (filter->count == FILTER_NODES_MAX) {
		filter_fail(parser, FILTER_ERROR_SYNTAX, NULL,
			    "the filter has too many conditions; ranges may do, as in "
			    "\"sport >= :8000 and sport <= :8999\"");
		return -1;
	}
	if (!array_reserve(filter->nodes, filter->room, filter->count + 1u)) {
		filter_fail(parser, FILTER_ERROR_SYNTAX, NULL, "no memory for the filter");
		return -1;
	}
	filter->nodes[filter->count] = *node;
	return filter->count++;
}

static int add_test(struct filter_parser *parser, const struct tcptrace_clause *clause)
{
	return add_node(parser, &(struct filter_node){ .op = FILTER_TEST, .clause = *clause });
}

static int add_both(struct filter_parser *parser, enum filter_op op, int left, int right)
{
	return add_node(parser, &(struct filter_node){ .op = op, .left = left, .right = right });
}

static int negate(struct filter_parser *parser, int node)
{
	if (node >= 0)
		parser->filter->nodes[node].negated ^= true;
	return node;
}

static void set_ports(struct tcptrace_clause *clause, bool local, uint16_t min, uint16_t max)
{
	if (local) {
		clause->sport_min = min;
		clause->sport_max = max;
	} else {
		clause->dport_min = min;
		clause->dport_max = max;
	}
}

/* No port has such a number. */
static int add_none(struct filter_parser *parser)
{
	const struct tcptrace_clause any = filter_any();

	return negate(parser, add_test(parser, &any));
}

static int add_address(struct filter_parser *parser, bool local, const struct filter_endpoint *ep)
{
	struct tcptrace_clause clause = filter_any();

	if (!ep->any_port && ep->port > UINT16_MAX)
		return add_none(parser);
	memcpy(local ? clause.saddr : clause.daddr, ep->address, TCPTRACE_ADDR_LEN);
	*(local ? &clause.saddr_len : &clause.daddr_len) = ep->length;
	clause.family = ep->family;
	if (!ep->any_port)
		set_ports(&clause, local, ep->port, ep->port);
	return add_test(parser, &clause);
}

/* A host may have several addresses. */
static int add_endpoint(struct filter_parser *parser, bool local, struct filter_endpoint *ep)
{
	const struct addrinfo *host;
	int node = -1, one;

	if (!ep->hosts)
		return add_address(parser, local, ep);
	for (host = ep->hosts; host; host = host->ai_next) {
		filter_take_host(ep, host);
		one = add_address(parser, local, ep);
		node = node < 0 || one < 0 ? one : add_both(parser, FILTER_OR, node, one);
		if (node < 0)
			break;
	}
	filter_endpoint_free(ep);
	return node;
}

/* There is no port above the highest and none below the lowest: the range is empty, min > max. */
static int add_ports(struct filter_parser *parser, bool local, enum relation relation,
		     const struct filter_endpoint *ep)
{
	struct tcptrace_clause clause = filter_any();
	bool negated = relation == UNEQUAL || relation == GREATER || relation == LESS;
	int node;

	clause.family = ep->family;
	if (ep->any_port) {
		if (relation != EQUAL && relation != UNEQUAL) {
			filter_fail(parser, FILTER_ERROR_ADDRESS, NULL,
				    "no port is above or below any port (\"*\"); expected a "
				    "number, as in \"sport > :1023\"");
			return -1;
		}
	} else if (ep->port > UINT16_MAX) {
		/* Each port is below it. */
		return relation == AT_MOST || relation == LESS || relation == UNEQUAL ? add_test(parser, &clause) :
											 add_none(parser);
	} else if (relation == AT_LEAST || relation == LESS) {
		set_ports(&clause, local, ep->port, UINT16_MAX);
	} else if (relation == AT_MOST || relation == GREATER) {
		set_ports(&clause, local, 0, ep->port);
	} else {
		set_ports(&clause, local, ep->port, ep->port);
	}
	node = add_test(parser, &clause);
	return negated ? negate(parser, node) : node;
}

static int add_bare(struct filter_parser *parser, uint16_t port)
{
	struct filter_endpoint ep = { .port = port };
	int left = add_ports(parser, true, EQUAL, &ep);
	int right = left < 0 ? left : add_ports(parser, false, EQUAL, &ep);

	return right < 0 ? right : add_both(parser, FILTER_OR, left, right);
}

static int add_device(struct filter_parser *parser, const struct filter_device *device)
{
	return add_node(parser, &(struct filter_node){
		.op = FILTER_TEST, .clause = filter_any(), .has_device = true, .device = *device });
}

static int add_process(struct filter_parser *parser, const struct process *process)
{
	return add_node(parser, &(struct filter_node){
		.op = FILTER_TEST, .clause = filter_any(), .has_process = true, .process = *process });
}

static const struct {
	const char *word;
	int token;
} keywords[] = {
	{ "(", OPEN }, { ")", CLOSE },
	{ "and", AND }, { "&", AND }, { "&&", AND },
	{ "or", OR }, { "|", OR }, { "||", OR },
	{ "not", NOT }, { "!", NOT },
	{ "src", SRC }, { "dst", DST }, { "sport", SPORT }, { "dport", DPORT }, { "dev", DEV },
	{ "process", PROCESS },
	{ "=", EQ }, { "==", EQ }, { "eq", EQ },
	{ "!=", NE }, { "ne", NE }, { "neq", NE },
	{ ">", GT }, { "gt", GT }, { "<", LT }, { "lt", LT },
	{ ">=", GE }, { "ge", GE }, { "geq", GE },
	{ "<=", LE }, { "le", LE }, { "leq", LE },
};

/* What ss supports and records do not contain. */
static const char *const unsupported[] = { "fwmark", "cgroup", "autobound" };

static int keyword(struct filter_parser *parser, const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (!strcmp(word, keywords[i].word))
			return keywords[i].token;
	for (i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++) {
		if (!strcmp(word, unsupported[i])) {
			filter_fail(parser, FILTER_ERROR_SYNTAX, NULL,
				    "not supported by tcptrace: \"%s\"; src, dst, sport, dport, dev and "
				    "process are", word);
			return FILTER_YYerror;
		}
	}
	return FILTER_YYEMPTY;
}

/* A word that is no keyword is the operand of the last one: an address, a port, a device, a process. */
static int operand(struct filter_parser *parser, const char *word, FILTER_YYSTYPE *value)
{
	enum filter_operand wanted = parser->operand;

	parser->operand = FILTER_BARE;
	switch (wanted) {
	case FILTER_ADDRESS:
		return filter_parse_address(parser, word, &value->ep) ? ADDRESS : FILTER_YYerror;
	case FILTER_PORT:
		return filter_parse_port(parser, word, &value->ep) ? PORT : FILTER_YYerror;
	case FILTER_DEVICE:
		return filter_parse_device(parser, word, &value->device) ? DEVICE : FILTER_YYerror;
	case FILTER_PROCESS:
		return filter_parse_process(parser, word, &value->process) ? NAME : FILTER_YYerror;
	default:
		return filter_parse_bare_port(parser, word, &value->port) ? BARE : FILTER_YYerror;
	}
}

static int filter_yylex(FILTER_YYSTYPE *value, struct filter_parser *parser)
{
	const char *word = filter_next_word(parser);
	int token;

	if (!word)
		return FILTER_YYEOF;
	token = keyword(parser, word);
	switch (token) {
	case FILTER_YYEMPTY:
		return operand(parser, word, value);
	case SRC:
	case DST:
		parser->operand = FILTER_ADDRESS;
		break;
	case SPORT:
	case DPORT:
		parser->operand = FILTER_PORT;
		break;
	case DEV:
		parser->operand = FILTER_DEVICE;
		break;
	case PROCESS:
		parser->operand = FILTER_PROCESS;
		break;
	}
	return token;
}

static bool expected(const yypcontext_t *context, yysymbol_kind_t wanted)
{
	yysymbol_kind_t kinds[YYNTOKENS];
	int i, count = yypcontext_expected_tokens(context, kinds, YYNTOKENS);

	for (i = 0; i < count; i++)
		if (kinds[i] == wanted)
			return true;
	return false;
}

static const char *right_here(const yypcontext_t *context)
{
	if (expected(context, YYSYMBOL_ADDRESS))
		return "an address, as in \"src 10.0.0.0/8\" or \"not dst [::1]:80\"";
	if (expected(context, YYSYMBOL_PORT))
		return "a port, as in \"sport = :9090\"";
	if (expected(context, YYSYMBOL_DEVICE))
		return "a device, as in \"dev eth0\"";
	if (expected(context, YYSYMBOL_NAME))
		return "a process, by name or number, as in \"process nginx\"";
	if (expected(context, YYSYMBOL_AND))
		return "\"and\", \"or\" or another condition";
	return "a condition, as in \"sport = :9090\" or \"dst 10.0.0.0/8\"";
}

static int yyreport_syntax_error(const yypcontext_t *context, struct filter_parser *parser)
{
	if (yypcontext_token(context) == YYSYMBOL_CLOSE && expected(context, YYSYMBOL_AND))
		filter_fail(parser, FILTER_ERROR_SYNTAX, ")", "there is no \"(\" before it");
	else if (!parser->word && expected(context, YYSYMBOL_CLOSE))
		filter_fail(parser, FILTER_ERROR_SYNTAX, "(", "its \")\" is missing");
	else if (!parser->word)
		filter_fail(parser, FILTER_ERROR_SYNTAX, NULL,
			    "the filter ends too early; expected %s", right_here(context));
	else
		filter_fail(parser, FILTER_ERROR_SYNTAX, parser->word,
			    "unexpected here; expected %s", right_here(context));
	return 0;
}

/* Only if memory or the parser's stack is exhausted; all else is in yyreport_syntax_error(). */
static void filter_yyerror(struct filter_parser *parser, const char *reason)
{
	(void)reason;
	filter_fail(parser, FILTER_ERROR_SYNTAX, NULL, "the filter has too many parentheses");
}

void filter_grammar(struct filter_parser *parser)
{
	filter_yyparse(parser);
}
