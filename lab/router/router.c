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
#include "rules.h"
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

#define RULES 64
#define WAITING 16384
#define FRAME 2048

struct path {
	int64_t delay_ns, jitter_ns;
	double ns_per_byte;
	int64_t queue_ns;
	int64_t busy_until, last; /* of the bottleneck; the latest departure */
};

struct waiting {
	int64_t at;
	uint64_t order;
	int dir;
	size_t size;
	uint8_t frame[FRAME];
};

static struct path paths[2];
static struct rule rules[RULES];
static int rule_count;
static struct waiting *heap[WAITING + 1];
static int heaped;
static uint64_t orders;
static int sockets[2]; /* a, b */
static FILE *events;

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- frames that wait for their departure: a binary heap ---- */

static int earlier(const struct waiting *a, const struct waiting *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void enqueue(int dir, const uint8_t *frame, size_t size, int64_t at)
{
	struct waiting *w = heaped < WAITING ? malloc(sizeof *w) : NULL;
	if (!w)
		return;
	w->at = at;
	w->order = orders++;
	w->dir = dir;
	w->size = size;
	memcpy(w->frame, frame, size);
	int i = ++heaped;
	for (; i > 1 && earlier(w, heap[i / 2]); i /= 2)
		heap[i] = heap[i / 2];
	heap[i] = w;
}

static struct waiting *dequeue(void)
{
	struct waiting *top = heap[1], *w = heap[heaped--];
	int i = 1, child;
	for (; (child = 2 * i) <= heaped; i = child) {
		if (child < heaped && earlier(heap[child + 1], heap[child]))
			child++;
		if (!earlier(heap[child], w))
			break;
		heap[i] = heap[child];
	}
	heap[i] = w;
	return top;
}

/* ---- one frame ---- */

static void event(const struct rule *r, const struct packet *p, int64_t at)
{
	static const char *const words[] = {"drop", "delay", "duplicate", "reset"};
	char src[64], dst[64];
	int family = p->version == 6 ? AF_INET6 : AF_INET;
	inet_ntop(family, p->src, src, sizeof src);
	inet_ntop(family, p->dst, dst, sizeof dst);
	fprintf(events, "%.6f %s %s %s %s %d %s %d %d\n", at / 1e9, r->name, words[r->action],
		p->dir ? "ba" : "ab", src, p->sport, dst, p->dport, p->payload);
	fflush(events);
}

static uint16_t checksum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Answers an IPv4 TCP segment with a reset in the receiver's name, as a device
 * in the path does it: acceptable sequence number, TTL of its own. */
static void forge_reset(const struct packet *p, int64_t at)
{
	uint8_t f[54] = {0};
	const uint8_t *in = p->frame, *t = in + p->l4;
	if (p->version != 4 || p->proto != IPPROTO_TCP)
		return;
	memcpy(f, in + 6, 6);
	memcpy(f + 6, in, 6);
	f[12] = 8;
	f[14] = 0x45;
	f[17] = 40;
	f[20] = 0x40;
	f[22] = 65; /* one hop nearer than the peer, which began with 64 */
	f[23] = IPPROTO_TCP;
	memcpy(f + 26, p->dst, 4);
	memcpy(f + 30, p->src, 4);
	uint16_t c = checksum(f + 14, 20, 0);
	f[24] = c >> 8;
	f[25] = c & 255;
	memcpy(f + 34, t + 2, 2);
	memcpy(f + 36, t, 2);
	memcpy(f + 38, t + 8, 4);
	f[46] = 0x50;
	f[47] = 0x04;
	uint32_t pseudo = IPPROTO_TCP + 20;
	for (int i = 26; i < 34; i += 2)
		pseudo += (uint32_t)f[i] << 8 | f[i + 1];
	c = checksum(f + 34, 20, pseudo);
	f[50] = c >> 8;
	f[51] = c & 255;
	enqueue(!p->dir, f, sizeof f, at + paths[!p->dir].delay_ns / 2);
}

/* When a frame that arrived at an instant leaves again; -1 = the queue is full. */
static int64_t departure(struct path *w, int64_t at, size_t size)
{
	if (w->ns_per_byte > 0) {
		int64_t start = w->busy_until > at ? w->busy_until : at;
		if (start - at > w->queue_ns)
			return -1;
		w->busy_until = start + (int64_t)(w->ns_per_byte * (double)size);
		at = w->busy_until;
	}
	at += w->delay_ns + (int64_t)((2 * draw() - 1) * (double)w->jitter_ns);
	if (at < w->last)
		at = w->last; /* jitter does not reorder */
	w->last = at;
	return at;
}

static void forward(int dir, const uint8_t *frame, size_t size, int64_t at)
{
	static const struct rule full = {.name = "queue-full", .action = DROP};
	struct packet p;
	parse_packet(&p, frame, size, dir);
	struct rule *r = NULL;
	for (int i = 0; i < rule_count && !r; i++)
		if (rule_takes(&rules[i], &p))
			r = &rules[i];
	if (r)
		event(r, &p, at);
	if (r && r->action == DROP)
		return;
	if (r && r->action == DELAY) { /* others overtake it */
		enqueue(dir, frame, size, at + paths[dir].delay_ns + r->delay_ns);
		return;
	}
	int64_t leave = departure(&paths[dir], at, size);
	if (leave < 0) {
		if (p.ip)
			event(&full, &p, at);
		return;
	}
	if (r && r->action == RESET)
		forge_reset(&p, at);
	enqueue(dir, frame, size, leave);
	if (r && r->action == DUPLICATE)
		enqueue(dir, frame, size, leave + 20000);
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
			forward(dir, frame, (size_t)n, at);
	}
}

static void depart(void)
{
	while (heaped && heap[1]->at <= now_ns()) {
		struct waiting *w = dequeue();
		send(sockets[!w->dir], w->frame, w->size, MSG_DONTWAIT);
		free(w);
	}
}

/* ---- commands ---- */

static const char *command(char *line)
{
	char dir[4];
	double delay, jitter, mbit = 0, queue = 0;
	unsigned long long seed;
	line[strcspn(line, "\n")] = 0;
	if (sscanf(line, "seed %llu", &seed) == 1) {
		seed_draws(seed);
		return NULL;
	}
	if (sscanf(line, "path %3s %lf %lf %lf %lf", dir, &delay, &jitter, &mbit, &queue) >= 3) {
		struct path *w = &paths[!strcmp(dir, "ba")];
		w->delay_ns = (int64_t)(delay * 1e6);
		w->jitter_ns = (int64_t)(jitter * 1e6);
		w->ns_per_byte = mbit > 0 ? 8e3 / mbit : 0;
		w->queue_ns = (int64_t)(queue * 1e6);
		return NULL;
	}
	if (!strncmp(line, "rule ", 5)) {
		if (rule_count == RULES)
			return "too many rules";
		const char *wrong = parse_rule(&rules[rule_count], line + 5);
		if (!wrong)
			rule_count++;
		return wrong;
	}
	if (!strncmp(line, "clear", 5)) {
		int kept = 0;
		for (int i = 0; i < rule_count; i++)
			if (line[5] && strcmp(rules[i].name, line + 6))
				rules[kept++] = rules[i];
		rule_count = kept;
		return NULL;
	}
	return "unknown command";
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
	events = fopen(argv[3], "w");
	if (!events) {
		perror(argv[3]);
		return 1;
	}
	struct sched_param first = {.sched_priority = 50};
	sched_setscheduler(0, SCHED_FIFO, &first); /* where it may: precision on a busy machine */
	prctl(PR_SET_TIMERSLACK, 1);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	struct pollfd fds[3] = {{sockets[0], POLLIN, 0}, {sockets[1], POLLIN, 0}, {0, POLLIN, 0}};
	for (;;) {
		int64_t wait = heaped ? heap[1]->at - now_ns() : 1000000000;
		if (wait < 0)
			wait = 0;
		struct timespec t = {wait / 1000000000, wait % 1000000000};
		if (ppoll(fds, 3, &t, NULL) < 0 && errno != EINTR)
			return 1;
		receive(0);
		receive(1);
		depart();
		if (fds[2].revents) {
			char line[1024];
			ssize_t n = 0; /* one line: stdin is read unbuffered, byte by byte */
			while (n < (ssize_t)sizeof line - 1 && read(0, line + n, 1) == 1)
				if (line[n++] == '\n')
					break;
			if (!n)
				return 0;
			line[n] = 0;
			const char *wrong = command(line);
			printf("%s\n", wrong ? wrong : "ok");
			fflush(stdout);
		}
	}
}
