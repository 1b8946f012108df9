/* SPDX-License-Identifier: ISC */
/*
 * A wall clock that a test can set. The programs of the chaos suite are linked
 * from the product's objects with this file and --wrap: CLOCK_REALTIME and
 * time() are shifted by the nanoseconds that the file `clock` beside the
 * program holds (int64, the machine's byte order). The file is mapped before
 * the program confines itself, so the sandbox stays as it is. Clocks that
 * cannot be set (CLOCK_MONOTONIC, CLOCK_BOOTTIME) are left alone, as an
 * administrator's `date -s` leaves them alone.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define NS INT64_C(1000000000)

int __real_clock_gettime(clockid_t, struct timespec *);
int __wrap_clock_gettime(clockid_t, struct timespec *);
time_t __wrap_time(time_t *);

static const volatile int64_t *shift_ns;

/* The directory of the program, also of one that was replaced since. */
static void __attribute__((constructor))
clock_map(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;
	void *map;
	int fd;

	if (n == -1)
		return;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL || (size_t)(slash - path) + 7 > sizeof(path))
		return;
	strcpy(slash, "/clock");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return;
	map = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		shift_ns = map;
}

int
__wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t ns;

	if (__real_clock_gettime(id, ts) == -1)
		return -1;
	if (shift_ns == NULL || id != CLOCK_REALTIME)
		return 0;
	ns = (int64_t)ts->tv_sec * NS + ts->tv_nsec + *shift_ns;
	if (ns < 0)
		ns = 0;
	ts->tv_sec = (time_t)(ns / NS);
	ts->tv_nsec = (long)(ns % NS);
	return 0;
}

time_t
__wrap_time(time_t *out)
{
	struct timespec ts;

	if (__wrap_clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return (time_t)-1;
	if (out != NULL)
		*out = ts.tv_sec;
	return ts.tv_sec;
}
