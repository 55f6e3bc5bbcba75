/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of tests/tools/peer.c share. A do_ function obeys one order, and returns the result for "ok", or -1
 * and errno.
 */
#ifndef PEER_H
#define PEER_H

#include <netinet/in.h>
#include <sys/socket.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* The descriptor of a socket by its name. Ends the program if there is none. */
int peer_find(const char *name);

void peer_add(const char *name, int fd);
void peer_remove(const char *name);

/* The socket that is named in the order. */
int peer_socket(void);

/* Returns the length of the address. */
socklen_t peer_parse(union address *address, const char *text, const char *port);

int peer_port(const union address *address);

/* A new socket of the current protocol; type: SOCK_NONBLOCK or 0. */
int peer_make(const union address *address, int type);

long do_close(void);

/* peer_data.c */
long do_fast(void);
long do_write(void);
long do_fill(void);
long do_sendfile(void);
long do_read(void);
long do_splice(void);
long do_spliced(void);
long do_eof(void);
long do_end(void);
long do_queues(void);

/* peer_share.c */
long do_fork(void);
long do_join(void);
long do_pass(void);
long do_take(void);

#endif
