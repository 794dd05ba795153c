/* syslog(3) on the host's clock: the C library's own reads the clock where no
 * preloaded function is asked. Messages go to the
 * socket LAB_LOG names as RFC 3164, section 4. */
#define _GNU_SOURCE
#include "host.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

static const char *ident;
static int options, facility = LOG_USER, mask = 0xff;
static char socket_path[100] = "/dev/log";

__attribute__((constructor)) static void log_open(void)
{
	const char *path = getenv("LAB_LOG");
	if (path)
		snprintf(socket_path, sizeof socket_path, "%s", path);
}

void openlog(const char *id, int option, int fac)
{
	ident = id;
	options = option;
	if (fac)
		facility = fac;
}

void closelog(void) {}

int setlogmask(int m)
{
	int old = mask;
	if (m)
		mask = m;
	return old;
}

void vsyslog(int priority, const char *format, va_list args)
{
	char body[4096], line[4400], stamp[32], pid[32] = "";
	int saved = errno;
	if (!(mask & LOG_MASK(LOG_PRI(priority))))
		return;
	if (!(priority & LOG_FACMASK))
		priority |= facility;
	vsnprintf(body, sizeof body, format, args);
	time_t now = host_now() / 1000000000;
	struct tm tm;
	strftime(stamp, sizeof stamp, "%b %e %H:%M:%S", localtime_r(&now, &tm));
	if (options & LOG_PID)
		snprintf(pid, sizeof pid, "[%d]", (int)getpid());
	int n = snprintf(line, sizeof line, "<%d>%s %s%s: %s", priority, stamp, ident ? ident : program_invocation_short_name, pid, body);
	if (n >= (int)sizeof line)
		n = sizeof line - 1;
	while (n > 0 && line[n - 1] == '\n')
		n--;
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	strcpy(to.sun_path, socket_path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		sendto(fd, line, n, MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to);
		close(fd);
	}
	errno = saved;
}

void syslog(int priority, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsyslog(priority, format, args);
	va_end(args);
}

void __vsyslog_chk(int priority, int flag, const char *format, va_list args)
{
	(void)flag;
	vsyslog(priority, format, args);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;
	(void)flag;
	va_start(args, format);
	vsyslog(priority, format, args);
	va_end(args);
}
