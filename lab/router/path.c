#define _GNU_SOURCE
#include "path.h"
#include "rules.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define RULES 64
#define WAITING 16384

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
static FILE *events;

void path_events(FILE *to)
{
	events = to;
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

void path_take(int dir, const uint8_t *frame, size_t size, int64_t at)
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

int64_t path_next(void)
{
	return heaped ? heap[1]->at : -1;
}

void path_leave(int64_t now, void (*send)(int64_t at, int dir, const uint8_t *frame, size_t size))
{
	while (heaped && heap[1]->at <= now) {
		struct waiting *w = dequeue();
		send(w->at, w->dir, w->frame, w->size);
		free(w);
	}
}

/* ---- commands ---- */

const char *path_command(char *line)
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
