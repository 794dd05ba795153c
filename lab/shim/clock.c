/* Gives the processes of one host a clock of their own (LD_PRELOAD).
 *
 * LAB_CLOCK names the host's clock_file. Covered: reading the real-time clock,
 * waiting until an instant of it, the kernel's packet timestamps, and setting
 * or steering it (adjtimex(2)), which changes the file and never the machine.
 * CLOCK_MONOTONIC stays true: only what reads the calendar clock is deceived.
 * syslog(3) reads the clock inside libc, so log.c replaces it. */
#define _GNU_SOURCE
#include "clock.h"
#include "host.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <pthread.h>
#include <semaphore.h>

static struct clock_file *clk;
static int (*real_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void clock_open(void)
{
	const char *path = getenv("LAB_CLOCK");
	real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	if (!path)
		return;
	int prot = PROT_READ | PROT_WRITE, fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		prot = PROT_READ;
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return;
	void *p = mmap(NULL, sizeof *clk, prot, MAP_SHARED, fd, 0);
	close(fd);
	if (p != MAP_FAILED)
		clk = p;
}

static int64_t ns_of(const struct timespec *t) { return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec; }

static struct timespec of_ns(int64_t ns)
{
	struct timespec t = {ns / 1000000000, ns % 1000000000};
	if (t.tv_nsec < 0) {
		t.tv_nsec += 1000000000;
		t.tv_sec--;
	}
	return t;
}

static int64_t true_now(void)
{
	struct timespec t;
	if (!real_gettime || real_gettime(CLOCK_REALTIME, &t))
		syscall(SYS_clock_gettime, CLOCK_REALTIME, &t);
	return ns_of(&t);
}

static int64_t offset_at(int64_t at)
{
	uint32_t i = clk ? __atomic_load_n(&clk->n, __ATOMIC_ACQUIRE) : 0;
	while (i > 1 && clk->pieces[i - 1].from_ns > at)
		i--;
	if (!i)
		return 0;
	const struct piece *p = &clk->pieces[i - 1];
	return p->offset_ns + (int64_t)(p->ppb * 1e-9 * (double)(at - p->from_ns));
}

int64_t host_of_true(int64_t at) { return at + offset_at(at); }
int64_t host_now(void) { return host_of_true(true_now()); }

/* the last true instant at which the host's clock shows h */
static int64_t true_of_host(int64_t h)
{
	uint32_t i = clk ? __atomic_load_n(&clk->n, __ATOMIC_ACQUIRE) : 0;
	for (; i > 0; i--) {
		const struct piece *p = &clk->pieces[i - 1];
		int64_t at = p->from_ns + (int64_t)((double)(h - p->from_ns - p->offset_ns) / (1 + p->ppb * 1e-9));
		if (at >= p->from_ns || i == 1)
			return at;
	}
	return h;
}

/* ---- reading ---- */

int clock_gettime(clockid_t id, struct timespec *t)
{
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) {
		*t = of_ns(host_now());
		return 0;
	}
	return real_gettime ? real_gettime(id, t) : (int)syscall(SYS_clock_gettime, id, t);
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	int64_t ns = host_now();
	(void)tz;
	tv->tv_sec = ns / 1000000000;
	tv->tv_usec = ns % 1000000000 / 1000;
	return 0;
}

time_t time(time_t *t)
{
	time_t s = host_now() / 1000000000;
	if (t)
		*t = s;
	return s;
}

int timespec_get(struct timespec *t, int base)
{
	*t = of_ns(host_now());
	return base;
}

/* ---- waiting until an instant ---- */

/* An absolute time below this many seconds is of the monotonic clock: some
 * calls do not say which clock theirs is. */
#define CALENDAR 1000000000

static struct timespec wait_until(const struct timespec *t)
{
	return t->tv_sec < CALENDAR ? *t : of_ns(true_of_host(ns_of(t)));
}

#define REAL(name, ...) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))(__VA_ARGS__)

int clock_nanosleep(clockid_t id, int flags, const struct timespec *t, struct timespec *left)
{
	if (id != CLOCK_REALTIME || !(flags & TIMER_ABSTIME))
		return REAL(clock_nanosleep, id, flags, t, left);
	struct timespec u = wait_until(t);
	return REAL(clock_nanosleep, id, flags, &u, left);
}

int pthread_cond_timedwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m, const struct timespec *restrict t)
{
	static __typeof__(&pthread_cond_timedwait) real;
	if (!real) /* the version with the current layout of pthread_cond_t */
		real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
	if (!real)
		real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
	struct timespec u = wait_until(t);
	return real(c, m, &u);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict m, const struct timespec *restrict t)
{
	struct timespec u = wait_until(t);
	return REAL(pthread_mutex_timedlock, m, &u);
}

int sem_timedwait(sem_t *restrict s, const struct timespec *restrict t)
{
	struct timespec u = wait_until(t);
	return REAL(sem_timedwait, s, &u);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	struct itimerspec s = *new;
	if (flags & TFD_TIMER_ABSTIME)
		s.it_value = wait_until(&new->it_value);
	return REAL(timerfd_settime, fd, flags, &s, old);
}

/* ---- steering ---- */

static int begin_piece(int64_t step_ns)
{
	if (!clk || clk->n >= CLOCK_PIECES) {
		errno = EPERM;
		return -1;
	}
	int64_t now = true_now();
	double rate = clk->tick / 10000.0 + clk->freq / 65536e6;
	struct piece p = {now, offset_at(now) + step_ns, ((1 + clk->base_ppb * 1e-9) * rate - 1) * 1e9};
	clk->pieces[clk->n] = p;
	__atomic_store_n(&clk->n, clk->n + 1, __ATOMIC_RELEASE);
	return 0;
}

int adjtimex(struct timex *x)
{
	int err = 0;
	if (!clk) {
		errno = EPERM;
		return -1;
	}
	if (x->modes & ADJ_STATUS)
		clk->status = x->status;
	if (x->modes & ADJ_TICK)
		clk->tick = x->tick;
	if (x->modes & ADJ_FREQUENCY)
		clk->freq = x->freq;
	if (x->modes & (ADJ_TICK | ADJ_FREQUENCY))
		err = begin_piece(0);
	if (x->modes & ADJ_SETOFFSET)
		err |= begin_piece((int64_t)x->time.tv_sec * 1000000000 + x->time.tv_usec * (x->modes & ADJ_NANO ? 1 : 1000));
	struct timespec now = of_ns(host_now());
	x->tick = clk->tick;
	x->freq = clk->freq;
	x->status = (int)clk->status | STA_NANO;
	x->precision = 1;
	x->tolerance = 32768000;
	x->time.tv_sec = now.tv_sec;
	x->time.tv_usec = now.tv_nsec;
	return err ? -1 : clk->status & STA_UNSYNC ? TIME_ERROR : TIME_OK;
}

int ntp_adjtime(struct timex *x) { return adjtimex(x); }
int clock_adjtime(clockid_t id, struct timex *x)
{
	if (id == CLOCK_REALTIME)
		return adjtimex(x);
	errno = EINVAL;
	return -1;
}

int clock_settime(clockid_t id, const struct timespec *t)
{
	if (id == CLOCK_REALTIME)
		return begin_piece(ns_of(t) - host_now());
	errno = EINVAL;
	return -1;
}

int settimeofday(const struct timeval *tv, const struct timezone *tz)
{
	struct timespec t = {tv->tv_sec, tv->tv_usec * 1000};
	(void)tz;
	return clock_settime(CLOCK_REALTIME, &t);
}
