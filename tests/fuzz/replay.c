/* SPDX-License-Identifier: ISC */
/*
 * The main of a fuzz target where libFuzzer is not at hand: runs the target
 * once on each file named, and on each file in each directory named.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(1);
}

/* Each input in memory of its own size, so that ASan sees its end. */
static void
run_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size > 0 ? size : 1);

	if (file == NULL || data == NULL || fread(data, 1, size, file) != size)
		fail(path);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

/* Runs what is at `path`; returns how many inputs that were. */
static unsigned int
run(const char *path)
{
	unsigned int count = 0;
	struct dirent *entry;
	char child[4096];
	struct stat st;
	DIR *dir;

	if (stat(path, &st) != 0)
		fail(path);
	if (!S_ISDIR(st.st_mode)) {
		run_file(path, (size_t)st.st_size);
		return 1;
	}
	dir = opendir(path);
	if (dir == NULL)
		fail(path);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		count += run(child);
	}
	closedir(dir);
	return count;
}

int
main(int argc, char **argv)
{
	unsigned int count = 0;

	for (int i = 1; i < argc; i++)
		count += run(argv[i]);
	printf("%s: %u inputs\n", argv[0], count);
	return count > 0 ? 0 : 1;
}
