#ifndef LAB_HOST_H
#define LAB_HOST_H
#include <stdint.h>
#include <sys/timex.h>
#include <time.h>

/* ns since 1970 that the host's clock shows at a true instant, and now */
int64_t host_of_true(int64_t true_ns);
int64_t host_now(void);
#endif
