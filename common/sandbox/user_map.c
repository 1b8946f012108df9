/* SPDX-License-Identifier: ISC */
#include "common/sandbox/user_map.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Three numbers of at most 10 digits, and blanks between them, a line. */
#define TEXT_MAX (USER_MAP_RANGES_MAX * 64)

/* A number after blanks. Moves *p past it. */
static bool
take_number(const char **p, const char *end, uint32_t *out)
{
	uint64_t value = 0;
	const char *first;

	while (*p < end && **p == ' ')
		(*p)++;
	for (first = *p; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
		value = value * 10 + (uint64_t)(**p - '0');
		if (value > UINT32_MAX)
			return false;
	}
	*out = (uint32_t)value;
	return *p > first;
}

bool
user_map_parse(const char *text, size_t len, struct user_map *out)
{
	const char *p = text, *end = text + len;
	uint32_t outside;

	out->n = 0;
	while (p < end) {
		struct user_map_range *r = &out->range[out->n];

		if (out->n == USER_MAP_RANGES_MAX ||
		    !take_number(&p, end, &r->first) ||
		    !take_number(&p, end, &outside) ||
		    !take_number(&p, end, &r->count) || p == end || *p != '\n')
			return false;
		p++;
		out->n++;
	}
	return true;
}

bool
user_map_read(enum user_map_kind kind, struct user_map *out)
{
	int fd = open(
	    kind == USER_MAP_UIDS ? "/proc/self/uid_map" : "/proc/self/gid_map",
	    O_RDONLY | O_CLOEXEC);
	char text[TEXT_MAX];
	size_t len = 0;
	ssize_t n = -1;

	out->n = 0;
	if (fd == -1)
		return false;
	while (len < sizeof(text)) {
		n = read(fd, text + len, sizeof(text) - len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	close(fd);
	return n == 0 && user_map_parse(text, len, out);
}

bool
user_map_has(const struct user_map *map, uint32_t id)
{
	for (size_t i = 0; i < map->n; i++)
		if (id >= map->range[i].first &&
		    id - map->range[i].first < map->range[i].count)
			return true;
	return false;
}

/* True if no second user is mapped. */
static bool
user_map_is_single(void)
{
	struct user_map map;

	return user_map_read(USER_MAP_UIDS, &map) && map.n == 1 &&
	       map.range[0].count == 1;
}

bool
user_map_is_root(void)
{
	return geteuid() == 0 && !user_map_is_single();
}
