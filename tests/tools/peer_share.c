// SPDX-License-Identifier: GPL-2.0-only
/* One socket of a peer in several processes. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "orders.h"
#include "peer.h"

static pid_t child;

long do_fork(void)
{
	child = fork();
	if (!child)
		for (;;)
			pause();
	return child;
}

long do_join(void)
{
	kill(child, SIGKILL);
	return waitpid(child, NULL, 0) == child ? 0 : -1;
}

/* One byte with a descriptor, to be sent or to be received. */
struct parcel {
	struct msghdr message;
	struct iovec part;
	char byte;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
};

static struct cmsghdr *prepare(struct parcel *parcel)
{
	memset(parcel, 0, sizeof(*parcel));
	parcel->part = (struct iovec){ &parcel->byte, 1 };
	parcel->message.msg_iov = &parcel->part;
	parcel->message.msg_iovlen = 1;
	parcel->message.msg_control = parcel->control;
	parcel->message.msg_controllen = sizeof(parcel->control);
	return CMSG_FIRSTHDR(&parcel->message);
}

static int unix_socket(struct sockaddr_un *address)
{
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", order_word(2));
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

long do_pass(void)
{
	struct sockaddr_un address = { };
	int fd = unix_socket(&address), passed = peer_socket();
	struct parcel parcel;
	struct cmsghdr *header = prepare(&parcel);
	long result = connect(fd, (struct sockaddr *)&address, sizeof(address));

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &passed, sizeof(passed));
	if (!result)
		result = sendmsg(fd, &parcel.message, 0) == 1 ? 0 : -1;
	close(fd);
	return result;
}

long do_take(void)
{
	struct sockaddr_un address = { };
	int listener = unix_socket(&address), fd, taken;
	struct parcel parcel;
	struct cmsghdr *header = prepare(&parcel);

	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1))
		return -1;
	fd = accept(listener, NULL, NULL);
	if (fd < 0 || recvmsg(fd, &parcel.message, 0) != 1)
		return -1;
	memcpy(&taken, CMSG_DATA(header), sizeof(taken));
	peer_add(order_word(1), taken);
	close(fd);
	close(listener);
	return 0;
}
