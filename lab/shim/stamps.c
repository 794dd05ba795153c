/* The kernel's packet timestamps (socket(7), SO_TIMESTAMP and its kin), moved
 * to the host's clock where a process receives them. */
#define _GNU_SOURCE
#include "host.h"
#include <dlfcn.h>
#include <linux/errqueue.h>
#include <string.h>
#include <sys/socket.h>

#define STAMP_US_OLD 29
#define STAMP_NS_OLD 35
#define STAMPING_OLD 37
#define STAMP_US_NEW 63
#define STAMP_NS_NEW 64
#define STAMPING_NEW 65

/* shifts one stamp of two 64-bit words: seconds, and the fraction in units of unit_ns */
static void shift(unsigned char *p, int64_t unit_ns)
{
	int64_t v[2];
	memcpy(v, p, sizeof v);
	if (!v[0])
		return;
	int64_t h = host_of_true(v[0] * 1000000000 + v[1] * unit_ns);
	v[0] = h / 1000000000;
	v[1] = h % 1000000000 / unit_ns;
	memcpy(p, v, sizeof v);
}

static void shift_all(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == STAMP_US_OLD || c->cmsg_type == STAMP_US_NEW)
			shift(CMSG_DATA(c), 1000);
		else if (c->cmsg_type == STAMP_NS_OLD || c->cmsg_type == STAMP_NS_NEW)
			shift(CMSG_DATA(c), 1);
		else if (c->cmsg_type == STAMPING_OLD || c->cmsg_type == STAMPING_NEW)
			shift(CMSG_DATA(c), 1); /* the first of three is the software stamp */
	}
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	static ssize_t (*real)(int, struct msghdr *, int);
	if (!real)
		real = dlsym(RTLD_NEXT, "recvmsg");
	ssize_t n = real(fd, m, flags);
	if (n >= 0 && m->msg_controllen)
		shift_all(m);
	return n;
}

int recvmmsg(int fd, struct mmsghdr *v, unsigned int len, int flags, struct timespec *timeout)
{
	static int (*real)(int, struct mmsghdr *, unsigned int, int, struct timespec *);
	if (!real)
		real = dlsym(RTLD_NEXT, "recvmmsg");
	int n = real(fd, v, len, flags, timeout);
	for (int i = 0; i < n; i++)
		if (v[i].msg_hdr.msg_controllen)
			shift_all(&v[i].msg_hdr);
	return n;
}
