/* What the path does to packets it is told to treat differently. */
#ifndef LAB_RULES_H
#define LAB_RULES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum action { DROP, DELAY, DUPLICATE, RESET };

/* The fields of a frame that rules look at; zero where it has none. */
struct packet {
	const uint8_t *frame;
	size_t size;
	int dir;        /* 0 from a to b, 1 back */
	int ip;         /* offset of the IP header, 0 = not IP */
	int version;    /* 4 or 6 */
	int proto;      /* IP protocol */
	int l4, data;   /* offsets of the transport header and its payload */
	int length;     /* bytes of the IP packet */
	int payload;    /* bytes after the transport header */
	int sport, dport;
	uint8_t flags;  /* of TCP */
	uint8_t src[16], dst[16];
	uint64_t flow;  /* the same for both directions */
};

struct rule {
	char name[64];
	enum action action;
	int64_t delay_ns;
	int dir;                   /* -1 = both */
	int proto, sport, dport, port, src_len, dst_len;
	uint8_t src[16], dst[16];
	int flags, flags_mask;     /* of TCP */
	int longer;                /* IP packets of more bytes than this; -1 = any */
	bool data;                 /* with payload only */
	uint8_t text[64];
	int text_len;
	int first, last, every;    /* which of the matching ones; last 0 = no end */
	double prob;
	bool each_flow;            /* count per flow instead of in all */
	int seen;
	struct { uint64_t flow; int seen; } flows[512];
};

void parse_packet(struct packet *p, const uint8_t *frame, size_t size, int dir);

/* Reads "key=value ..." of a rule; returns NULL or what is wrong. */
const char *parse_rule(struct rule *r, char *words);

/* Says whether the rule takes this packet, and counts it. */
bool rule_takes(struct rule *r, const struct packet *p);

/* A number in [0,1) of the seeded sequence. */
double draw(void);
void seed_draws(uint64_t seed);
#endif
