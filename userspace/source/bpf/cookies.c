// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include "source/bpf/cookies.h"
#include "source/bpf/shared.h"

/* The root of the hierarchy, wherever it is mounted: all sockets are below it. */
static int open_root_cgroup(void)
{
	char path[] = "/tmp/tcptrace-XXXXXX";
	int fd, error;

	if (!mkdtemp(path))
		return -errno;
	if (mount("none", path, "cgroup2", 0, NULL)) {
		error = -errno;
		rmdir(path);
		return error;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	error = -errno;
	umount2(path, MNT_DETACH);
	rmdir(path);
	return fd < 0 ? error : fd;
}

int cookies_attach(struct tcptrace_bpf *skeleton)
{
	int cgroup = open_root_cgroup(), error = 0;

	if (cgroup < 0)
		return cgroup;
	skeleton->links.socket_cookie = bpf_program__attach_cgroup(skeleton->progs.socket_cookie, cgroup);
	if (!skeleton->links.socket_cookie)
		error = -errno;
	skeleton->links.request_cookie = bpf_program__attach_cgroup(skeleton->progs.request_cookie, cgroup);
	if (!skeleton->links.request_cookie)
		error = -errno;
	close(cgroup);
	return error;
}

/* sock_diag assigns a cookie to each socket that it lists; the list itself is discarded. */
static int dump(struct mnl_socket *socket, int family)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *request;
	int got;

	header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
	request->sdiag_family = family;
	request->sdiag_protocol = IPPROTO_TCP;
	request->idiag_states = ~0u;
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return -errno;
	do {
		got = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (got < 0)
			return -errno;
		got = mnl_cb_run(buffer, got, 0, 0, NULL, NULL);
	} while (got > 0);
	return got < 0 ? -errno : 0;
}

int cookies_make(void *unused)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	int error;

	(void)unused;
	if (!socket)
		return -errno;
	error = dump(socket, AF_INET);
	if (!error)
		error = dump(socket, AF_INET6);
	mnl_socket_close(socket);
	return error;
}
