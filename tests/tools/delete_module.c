// SPDX-License-Identifier: GPL-2.0-only
/* Asks the kernel to remove a module, and prints its answer: rmmod(8) checks a counter and does not ask. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: delete_module NAME\n");
		return 2;
	}
	if (syscall(SYS_delete_module, argv[1], O_NONBLOCK)) {
		printf("%s\n", strerrorname_np(errno));
		return 1;
	}
	printf("removed\n");
	return 0;
}
