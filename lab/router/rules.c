#define _GNU_SOURCE
#include "rules.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252ull;

void seed_draws(uint64_t seed)
{
	state = seed * 0x9E3779B97F4A7C15ull + 0x1234567ull;
	for (int i = 0; i < 8; i++)
		draw();
}

/* xorshift64* */
double draw(void)
{
	if (!state)
		state = 1;
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (double)((state * 2685821657736338717ull) >> 11) / 9007199254740992.0;
}

static int be16(const uint8_t *p) { return p[0] << 8 | p[1]; }

static uint64_t side(const uint8_t *addr, int port)
{
	uint64_t h = 1469598103934665603ull;
	for (int i = 0; i < 16; i++)
		h = (h ^ addr[i]) * 1099511628211ull;
	return (h ^ (uint64_t)port) * 1099511628211ull;
}

void parse_packet(struct packet *p, const uint8_t *f, size_t size, int dir)
{
	memset(p, 0, sizeof *p);
	p->frame = f;
	p->size = size;
	p->dir = dir;
	if (size < 34)
		return;
	int type = be16(f + 12);
	if (type == 0x0800 && f[14] >> 4 == 4) {
		p->version = 4;
		p->length = be16(f + 16);
		p->proto = f[23];
		memcpy(p->src, f + 26, 4);
		memcpy(p->dst, f + 30, 4);
		p->l4 = 14 + (f[14] & 15) * 4;
		if (be16(f + 20) & 0x1fff) /* not the first fragment */
			p->l4 = 0;
	} else if (type == 0x86dd && size >= 54) {
		p->version = 6;
		p->length = 40 + be16(f + 18);
		p->proto = f[20];
		memcpy(p->src, f + 22, 16);
		memcpy(p->dst, f + 38, 16);
		p->l4 = 54;
	} else {
		return;
	}
	p->ip = 14;
	size_t end = 14 + (size_t)p->length;
	if (end > size)
		end = size;
	if (p->proto == IPPROTO_TCP && p->l4 && (size_t)p->l4 + 20 <= end) {
		p->flags = f[p->l4 + 13];
		p->data = p->l4 + (f[p->l4 + 12] >> 4) * 4;
	} else if (p->proto == IPPROTO_UDP && p->l4 && (size_t)p->l4 + 8 <= end) {
		p->data = p->l4 + 8;
	} else {
		return;
	}
	p->sport = be16(f + p->l4);
	p->dport = be16(f + p->l4 + 2);
	p->payload = (int)end - p->data;
	if (p->payload < 0)
		p->payload = 0;
	p->flow = side(p->src, p->sport) + side(p->dst, p->dport) + (uint64_t)p->proto;
}

static const struct { const char *name; int flags, mask; } kinds[] = {
	{"syn", 0x02, 0x12}, {"synack", 0x12, 0x12}, {"fin", 0x01, 0x01},
	{"rst", 0x04, 0x04}, {"push", 0x08, 0x08}, {"ack", 0x10, 0x17},
};

static const char *kind(struct rule *r, const char *v)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(v, kinds[i].name)) {
			r->flags = kinds[i].flags;
			r->flags_mask = kinds[i].mask;
			return NULL;
		}
	return "kind is syn, synack, ack, push, fin or rst";
}

static const char *address(uint8_t *out, int *len, const char *v)
{
	*len = strchr(v, ':') ? 16 : 4;
	return inet_pton(*len == 16 ? AF_INET6 : AF_INET, v, out) == 1 ? NULL : "not an address";
}

static const char *action(struct rule *r, const char *v)
{
	if (!strcmp(v, "drop"))
		r->action = DROP;
	else if (!strcmp(v, "duplicate"))
		r->action = DUPLICATE;
	else if (!strcmp(v, "reset"))
		r->action = RESET;
	else if (!strncmp(v, "delay:", 6)) {
		r->action = DELAY;
		r->delay_ns = (int64_t)(atof(v + 6) * 1e6);
	} else
		return "action is drop, duplicate, reset or delay:MS";
	return NULL;
}

static const char *set(struct rule *r, const char *k, const char *v)
{
	if (!strcmp(k, "name"))
		strncpy(r->name, v, sizeof r->name - 1);
	else if (!strcmp(k, "action"))
		return action(r, v);
	else if (!strcmp(k, "dir")) {
		r->dir = !strcmp(v, "ba");
		return r->dir || !strcmp(v, "ab") ? NULL : "dir is ab or ba";
	} else if (!strcmp(k, "proto"))
		r->proto = !strcmp(v, "tcp") ? IPPROTO_TCP : !strcmp(v, "udp") ? IPPROTO_UDP : atoi(v);
	else if (!strcmp(k, "sport"))
		r->sport = atoi(v);
	else if (!strcmp(k, "dport"))
		r->dport = atoi(v);
	else if (!strcmp(k, "port"))
		r->port = atoi(v);
	else if (!strcmp(k, "src"))
		return address(r->src, &r->src_len, v);
	else if (!strcmp(k, "dst"))
		return address(r->dst, &r->dst_len, v);
	else if (!strcmp(k, "kind"))
		return kind(r, v);
	else if (!strcmp(k, "longer"))
		r->longer = atoi(v);
	else if (!strcmp(k, "data"))
		r->data = atoi(v);
	else if (!strcmp(k, "contains")) {
		r->text_len = (int)strnlen(v, sizeof r->text);
		memcpy(r->text, v, r->text_len);
	} else if (!strcmp(k, "nth")) {
		char *dash = strchr(v, '-');
		r->first = atoi(v);
		r->last = dash ? atoi(dash + 1) : r->first;
	} else if (!strcmp(k, "every"))
		r->every = atoi(v);
	else if (!strcmp(k, "prob"))
		r->prob = atof(v);
	else if (!strcmp(k, "per"))
		r->each_flow = !strcmp(v, "flow");
	else
		return "unknown key";
	return NULL;
}

const char *parse_rule(struct rule *r, char *words)
{
	memset(r, 0, sizeof *r);
	r->dir = -1;
	r->longer = -1;
	r->prob = 1;
	char *save, *word = strtok_r(words, " \n", &save);
	for (; word; word = strtok_r(NULL, " \n", &save)) {
		char *eq = strchr(word, '=');
		if (!eq)
			return "not key=value";
		*eq = 0;
		const char *wrong = set(r, word, eq + 1);
		if (wrong)
			return wrong;
	}
	return NULL;
}

static int *counter(struct rule *r, uint64_t flow)
{
	const size_t n = sizeof r->flows / sizeof *r->flows;
	if (!r->each_flow)
		return &r->seen;
	for (size_t i = 0; i < n; i++) {
		size_t at = (flow + i) % n;
		if (r->flows[at].flow == flow || !r->flows[at].flow) {
			r->flows[at].flow = flow;
			return &r->flows[at].seen;
		}
	}
	return &r->seen;
}

static bool matches(const struct rule *r, const struct packet *p)
{
	return p->ip && (r->dir < 0 || r->dir == p->dir) && (!r->proto || r->proto == p->proto) &&
	       (!r->sport || r->sport == p->sport) && (!r->dport || r->dport == p->dport) &&
	       (!r->port || r->port == p->sport || r->port == p->dport) &&
	       (!r->src_len || !memcmp(r->src, p->src, r->src_len)) &&
	       (!r->dst_len || !memcmp(r->dst, p->dst, r->dst_len)) &&
	       (!r->flags_mask || (p->proto == IPPROTO_TCP && (p->flags & r->flags_mask) == r->flags)) &&
	       (r->longer < 0 || p->length > r->longer) && (!r->data || p->payload > 0) &&
	       (!r->text_len || memmem(p->frame + p->data, p->payload, r->text, r->text_len));
}

bool rule_takes(struct rule *r, const struct packet *p)
{
	if (!matches(r, p))
		return false;
	int n = ++*counter(r, p->flow);
	if (r->first && (n < r->first || n > r->last))
		return false;
	if (r->every && n % r->every)
		return false;
	return r->prob >= 1 || draw() < r->prob;
}
