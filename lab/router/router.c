/* The path between two Ethernet devices: delay, jitter, loss, reordering,
 * duplication, a bottleneck, silent drops of large packets, forged resets.
 *
 *     router DEVICE_A DEVICE_B EVENTS
 *
 * Commands come on standard input, one a line, each answered by a line:
 *     seed N
 *     path ab|ba DELAY_MS JITTER_MS [MBIT QUEUE_MS]
 *     rule name=... action=drop|delay:MS|duplicate|reset [key=value ...]
 *     clear [NAME]
 * The first rule that takes a packet decides; the keys are those of rules.c.
 * What rules did is written to EVENTS. Ends with its standard input. */
#define _GNU_SOURCE
#include "path.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int sockets[2]; /* a, b */

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void receive(int dir)
{
	uint8_t frame[FRAME];
	char control[256];
	for (;;) {
		struct iovec v = {frame, sizeof frame};
		struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
		ssize_t n = recvmsg(sockets[dir], &m, MSG_DONTWAIT);
		if (n <= 0)
			return;
		int64_t at = now_ns();
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
			if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
				struct timespec t;
				memcpy(&t, CMSG_DATA(c), sizeof t);
				at = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
			}
		if (m.msg_flags & MSG_TRUNC)
			fprintf(stderr, "router: frame of more than %d bytes: offload is on\n", FRAME);
		else
			path_take(dir, frame, (size_t)n, at);
	}
}

static void depart(int64_t at, int dir, const uint8_t *frame, size_t size)
{
	(void)at;
	send(sockets[!dir], frame, size, MSG_DONTWAIT);
}

static int device(const char *name)
{
	int one = 1, size = 8 << 20, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(name)};
	struct packet_mreq promiscuous = {.mr_ifindex = at.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
	if (fd < 0 || !at.sll_ifindex || bind(fd, (struct sockaddr *)&at, sizeof at) ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one)) {
		fprintf(stderr, "router: %s: %s\n", name, strerror(errno));
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	return fd;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: router DEVICE_A DEVICE_B EVENTS\n");
		return 2;
	}
	sockets[0] = device(argv[1]);
	sockets[1] = device(argv[2]);
	FILE *events = fopen(argv[3], "w");
	if (!events) {
		perror(argv[3]);
		return 1;
	}
	path_events(events);
	struct sched_param first = {.sched_priority = 50};
	sched_setscheduler(0, SCHED_FIFO, &first); /* where it may: precision on a busy machine */
	prctl(PR_SET_TIMERSLACK, 1);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	struct pollfd fds[3] = {{sockets[0], POLLIN, 0}, {sockets[1], POLLIN, 0}, {0, POLLIN, 0}};
	for (;;) {
		int64_t next = path_next(), wait = next >= 0 ? next - now_ns() : 1000000000;
		if (wait < 0)
			wait = 0;
		struct timespec t = {wait / 1000000000, wait % 1000000000};
		if (ppoll(fds, 3, &t, NULL) < 0 && errno != EINTR)
			return 1;
		receive(0);
		receive(1);
		path_leave(now_ns(), depart);
		if (fds[2].revents) {
			char line[1024];
			ssize_t n = 0; /* one line: stdin is read unbuffered, byte by byte */
			while (n < (ssize_t)sizeof line - 1 && read(0, line + n, 1) == 1)
				if (line[n++] == '\n')
					break;
			if (!n)
				return 0;
			line[n] = 0;
			const char *wrong = path_command(line);
			printf("%s\n", wrong ? wrong : "ok");
			fflush(stdout);
		}
	}
}
