// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <sanitizer/allocator_interface.h>
#include <search.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox.h"

/* No command prints that much about such a short recording. */
#define TEXT_MAX	(64 << 20)

static struct sandbox now;
static jmp_buf back;		/* to sandbox_run(), from exit() */
static int input_fd;

void sandbox_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	abort();
}

/* ---- static variables ---- */

/* The linker's, around the sections of the program's variables. */
extern char __start_target_data[], __stop_target_data[], __start_target_bss[], __stop_target_bss[];

static char *data_kept;

/* Not memcpy(): between the variables, the address sanitizer has memory that nobody may touch. */
static void __attribute__((no_sanitize("address", "undefined"))) copy(void *to, const void *from, size_t size)
{
	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

static void __attribute__((no_sanitize("address", "undefined"))) clear(void *to, size_t size)
{
	asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(0) : "memory");
}

/* Most of it are unused buffers: their pages are given back, and are zero when they are used again. */
static void clear_variables(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *first = (char *)(((uintptr_t)__start_target_bss + page - 1) & -page);
	char *last = (char *)((uintptr_t)__stop_target_bss & -page);

	clear(__start_target_bss, first - __start_target_bss);
	clear(last, __stop_target_bss - last);
	if (madvise(first, last - first, MADV_DONTNEED))
		abort();
}

static void keep_variables(void)
{
	size_t size = __stop_target_data - __start_target_data;

	data_kept = malloc(size);
	copy(data_kept, __start_target_data, size);
}

static void put_variables_back(void)
{
	copy(__start_target_data, data_kept, __stop_target_data - __start_target_data);
	clear_variables();
}

/* ---- memory ---- */

static void *allocated;		/* a tree of addresses */
static size_t heap;

static int by_address(const void *a, const void *b)
{
	return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static void *note_memory(void *memory)
{
	if (!memory)
		return NULL;
	tsearch(memory, &allocated, by_address);
	heap += malloc_usable_size(memory);
	if (heap > now.heap)
		now.heap = heap;
	return memory;
}

/* The tree does not have what the C library allocated for the program. */
static void forget_memory(void *memory)
{
	if (memory && tdelete(memory, &allocated, by_address))
		heap -= malloc_usable_size(memory);
}

void *sandbox_malloc(size_t size)
{
	return note_memory(malloc(size));
}

void *sandbox_calloc(size_t count, size_t size)
{
	return note_memory(calloc(count, size));
}

void *sandbox_reallocarray(void *memory, size_t count, size_t size)
{
	void *larger;

	forget_memory(memory);
	larger = reallocarray(memory, count, size);
	note_memory(larger ?: memory);
	return larger;
}

void *sandbox_realloc(void *memory, size_t size)
{
	return sandbox_reallocarray(memory, 1, size);
}

char *sandbox_strdup(const char *text)
{
	return note_memory(strdup(text));
}

char *sandbox_strndup(const char *text, size_t size)
{
	return note_memory(strndup(text, size));
}

void sandbox_free(void *memory)
{
	forget_memory(memory);
	free(memory);
}

/*
 * What argp_parse() itself has allocated, which nobody else could free if exit() ends it: while it runs, all allocations
 * are kept here, and removed when they are freed.
 */
static const volatile void *of_parser[1024];
static size_t of_parser_count;
static bool parsing;

static void on_malloc(const volatile void *memory, size_t size)
{
	(void)size;
	if (parsing && of_parser_count < sizeof(of_parser) / sizeof(*of_parser))
		of_parser[of_parser_count++] = memory;
}

static void on_free(const volatile void *memory)
{
	size_t i;

	for (i = 0; i < of_parser_count; i++)
		if (of_parser[i] == memory)
			of_parser[i] = NULL;
}

static void free_all(void)
{
	size_t i;

	parsing = false;
	tdestroy(allocated, free);
	allocated = NULL;
	heap = 0;
	for (i = 0; i < of_parser_count; i++)
		free((void *)of_parser[i]);
	of_parser_count = 0;
}

/* ---- what is printed ---- */

static void add_text(struct sandbox_text *text, const char *data, size_t size)
{
	if (size > TEXT_MAX - text->size)
		sandbox_fail("it prints more than %u bytes", TEXT_MAX);
	if (text->size + size >= text->room) {
		text->room = 2 * (text->size + size) + 4096;
		text->data = realloc(text->data, text->room);
		if (!text->data)
			abort();
	}
	memcpy(text->data + text->size, data, size);
	text->size += size;
	text->data[text->size] = '\0';
}

static void clear_text(struct sandbox_text *text)
{
	text->size = 0;
	add_text(text, "", 0);
}

FILE *sandbox_stdout, *sandbox_stderr, *sandbox_stdin;

static ssize_t write_text(void *text, const char *data, size_t size)
{
	add_text(text, data, size);
	return size;
}

static FILE *file_into(struct sandbox_text *text, int mode)
{
	FILE *file = fopencookie(text, "w", (cookie_io_functions_t){ .write = write_text });

	if (!file || setvbuf(file, NULL, mode, 4096))
		abort();
	return file;
}

ssize_t sandbox_write(int fd, const void *data, size_t size)
{
	if (fd != STDOUT_FILENO && fd != STDERR_FILENO)
		sandbox_fail("it writes to descriptor %d", fd);
	add_text(fd == STDOUT_FILENO ? &now.out : &now.err, data, size);
	return size;
}

int sandbox_puts(const char *text)
{
	return fprintf(sandbox_stdout, "%s\n", text);
}

static void complain(int error, const char *format, va_list arguments)
{
	fputs("tcptrace-ctl: ", sandbox_stderr);
	vfprintf(sandbox_stderr, format, arguments);
	if (error)
		fprintf(sandbox_stderr, ": %s", strerror(error));
	fputc('\n', sandbox_stderr);
}

#define COMPLAIN(error)						\
	do {							\
		int error_ = (error);				\
		va_list arguments_;				\
								\
		va_start(arguments_, format);			\
		complain(error_, format, arguments_);		\
		va_end(arguments_);				\
	} while (0)

void sandbox_warn(const char *format, ...)
{
	COMPLAIN(errno);
}

void sandbox_warnx(const char *format, ...)
{
	COMPLAIN(0);
}

/* ---- how it ends ---- */

void __attribute__((noreturn)) sandbox_exit(int status)
{
	now.status = status;
	longjmp(back, 1);
}

void __attribute__((noreturn)) sandbox_err(int status, const char *format, ...)
{
	COMPLAIN(errno);
	sandbox_exit(status);
}

void __attribute__((noreturn)) sandbox_errx(int status, const char *format, ...)
{
	COMPLAIN(0);
	sandbox_exit(status);
}

void sandbox_argp_failure(const struct argp_state *state, int status, int error, const char *format, ...)
{
	(void)state;
	COMPLAIN(error);
	if (status)
		sandbox_exit(status);
}

void __attribute__((noreturn)) sandbox_argp_error(const struct argp_state *state, const char *format, ...)
{
	(void)state;
	COMPLAIN(0);
	sandbox_exit(argp_err_exit_status);
}

error_t sandbox_argp_parse(const struct argp *argp, int argc, char *argv[], unsigned int flags, int *end, void *input)
{
	error_t error;

	parsing = true;
	error = argp_parse(argp, argc, argv, flags | ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP, end, input);
	parsing = false;
	if (error) {
		fputs("tcptrace-ctl: an option\n", sandbox_stderr);
		sandbox_exit(argp_err_exit_status);
	}
	return 0;
}

/* ---- what is not done ---- */

static bool harmless(const char *name)
{
	return !strncmp(name, "/proc/sys/", 10) || !strncmp(name, "/proc/net/", 10);
}

int sandbox_open(const char *name, int flags, ...)
{
	if (harmless(name) && (flags & O_ACCMODE) == O_RDONLY)
		return open(name, flags);
	errno = ENOENT;
	return -1;
}

FILE *sandbox_fopen(const char *name, const char *mode)
{
	if (harmless(name) && *mode == 'r')
		return fopen(name, "r");
	errno = ENOENT;
	return NULL;
}

int sandbox_mkstemp(char *name)
{
	(void)name;
	errno = EACCES;
	return -1;
}

int sandbox_isatty(int fd)
{
	(void)fd;
	errno = ENOTTY;
	return 0;
}

int sandbox_setns(int fd, int type)
{
	(void)fd;
	(void)type;
	errno = EPERM;
	return -1;
}

int sandbox_getnameinfo(const struct sockaddr *address, socklen_t size, char *host, socklen_t host_size, char *service,
			socklen_t service_size, int flags)
{
	(void)address;
	(void)size;
	(void)host;
	(void)host_size;
	(void)service;
	(void)service_size;
	(void)flags;
	return EAI_NONAME;
}

sighandler_t sandbox_signal(int number, sighandler_t handler)
{
	(void)number;
	(void)handler;
	return SIG_DFL;
}

int sandbox_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
	(void)number;
	(void)action;
	if (old)
		memset(old, 0, sizeof(*old));
	return 0;
}

/* ---- a run ---- */

void sandbox_begin(void)
{
	if (sandbox_stdout)
		return;
	sandbox_stdout = file_into(&now.out, _IOFBF);
	sandbox_stderr = file_into(&now.err, _IONBF);
	sandbox_stdin = fopen("/dev/null", "r");
	input_fd = memfd_create("input", 0);
	if (!sandbox_stdin || input_fd < 0 || dup2(input_fd, STDIN_FILENO))
		abort();
	argp_err_exit_status = 2;
	setenv("TZ", "UTC", 1);
	if (!__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free))
		abort();
	keep_variables();
}

const struct sandbox *sandbox_run(int (*run)(int argc, char *argv[]), int argc, char *argv[], const void *input, size_t size)
{
	clear_text(&now.out);
	clear_text(&now.err);
	now.heap = 0;
	if (ftruncate(STDIN_FILENO, 0) || pwrite(STDIN_FILENO, input, size, 0) != (ssize_t)size || lseek(STDIN_FILENO, 0, SEEK_SET))
		abort();
	if (!setjmp(back))
		now.status = run(argc, argv);
	fflush(sandbox_stdout);
	free_all();
	put_variables_back();
	return &now;
}

/* ---- text ---- */

/* Length of the character at `p`; 0: it is not allowed. */
static size_t character(const unsigned char *p, size_t left, const char *controls)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t lowest;
	} forms[] = { { 0x80, 0, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
	uint32_t value;
	size_t i, j;

	for (i = 0; i < 4 && i < left; i++) {
		if ((*p & forms[i].mask) != forms[i].lead)
			continue;
		value = *p & ~forms[i].mask;
		for (j = 1; j <= i; j++) {
			if ((p[j] & 0xc0) != 0x80)
				return 0;
			value = value << 6 | (p[j] & 0x3f);
		}
		if (value < forms[i].lowest || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
			return 0;
		if ((value < 0x20 && (!value || !strchr(controls, value))) || (value >= 0x7f && value < 0xa0))
			return 0;
		return i + 1;
	}
	return 0;
}

void sandbox_demand_text(const struct sandbox_text *text, const char *controls, const char *what)
{
	const unsigned char *p = (unsigned char *)text->data;
	size_t at, length;

	for (at = 0; at < text->size; at += length) {
		/* Most of it is ASCII. */
		length = p[at] >= 0x20 && p[at] < 0x7f ? 1 : character(p + at, text->size - at, controls);
		if (!length)
			sandbox_fail("%s: byte %#x at %zu is none of a text, behind \"%.*s\"", what, p[at], at,
				     at < 60 ? (int)at : 60, text->data + (at < 60 ? 0 : at - 60));
	}
	if (text->size && p[text->size - 1] != '\n')
		sandbox_fail("%s: does not end with the end of a line", what);
}
