/* The clock of one host: offset from true time as straight pieces.
 *
 * The file is mapped by every process of the host. True time is the machine's
 * CLOCK_REALTIME in ns; host time = true + offset(true), where offset(t) =
 * offset_ns + ppb * 1e-9 * (t - from_ns) of the last piece begun at t. */
#ifndef LAB_CLOCK_H
#define LAB_CLOCK_H
#include <stdint.h>

#define CLOCK_PIECES 8192

struct piece {
	int64_t from_ns, offset_ns;
	double ppb;
};

struct clock_file {
	uint32_t n;      /* pieces in use; grows only, written last */
	uint32_t status; /* of adjtimex: STA_* */
	int64_t tick;    /* of adjtimex: us per 1/100 s, 10000 is nominal */
	int64_t freq;    /* of adjtimex: ppm * 65536 */
	double base_ppb; /* the oscillator's own error, before discipline */
	struct piece pieces[CLOCK_PIECES];
};
#endif
