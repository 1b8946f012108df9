/* SPDX-License-Identifier: ISC */
#include "dmd/layout.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

const struct layout_dir layout_below[LAYOUT_BELOW] = {
    {"files", 02750, 0640, true, false},
    {"index", 0700, 0600, false, true},
    {"index/old", 0700, 0640, false, false},
    {"index/tmp", 0700, 0640, false, false},
    {"quarantine", 0700, 0600, false, false},
};

struct owned
layout_state(const struct users *users)
{
	return (struct owned){.uid = users->own_uid,
	    .gid = users->group,
	    .is_group_fixed = users->as_root,
	    .is_dir = true,
	    .mode = 0750,
	    /* the group reads files, if there is a group */
	    .must = users->as_root ? 0110 : 0,
	    .never = 022};
}

struct owned
layout_dir(const struct users *users, const struct layout_dir *dir)
{
	return (struct owned){.uid = users->store.uid,
	    .gid = users->group,
	    .is_group_fixed = users->as_root,
	    .is_dir = true,
	    .mode = dir->mode,
	    .must = users->as_root ? dir->mode & 0111 : 0,
	    .never = dir->is_group ? 022 : 077};
}

struct owned
layout_inside(
    const struct users *users, const struct layout_dir *dir, bool is_dir)
{
	struct owned want = layout_dir(users, dir);

	want.is_dir = is_dir;
	if (is_dir) {
		want.must = 0700;
	} else {
		want.mode = dir->file_mode;
		want.must = dir->is_group ? 0640 : 0600;
	}
	/* the content of a directory that only the store can enter is out of
	 * reach */
	want.never = 022;
	return want;
}

struct owned
layout_own_file(const struct users *users)
{
	return (struct owned){
	    .uid = users->own_uid, .mode = 0600, .must = 0400, .never = 077};
}

struct owned
layout_run(const struct users *users)
{
	return (struct owned){
	    .uid = users->own_uid, .is_dir = true, .mode = 0755, .never = 022};
}

struct owned
layout_empty(const struct users *users)
{
	return (struct owned){
	    .uid = users->own_uid, .is_dir = true, .mode = 0555, .never = 022};
}

unsigned
owned_check(const struct owned *want, const struct stat *st)
{
	unsigned wrong = 0;

	if (want->is_dir ? !S_ISDIR(st->st_mode) : !S_ISREG(st->st_mode))
		return OWNED_KIND;
	if (st->st_uid != want->uid ||
	    (want->is_group_fixed && st->st_gid != want->gid))
		wrong |= OWNED_OWNER;
	if ((st->st_mode & want->never) != 0 ||
	    (st->st_mode & want->must) != want->must)
		wrong |= OWNED_MODE;
	return wrong;
}

static const char *
text_make(
    uid_t uid, gid_t gid, bool has_group, char text[static OWNED_TEXT_MAX])
{
	const struct passwd *pw = getpwuid(uid);
	const struct group *gr = has_group ? getgrgid(gid) : NULL;
	char user[32], group[32];

	snprintf(user, sizeof(user), "%lu", (unsigned long)uid);
	snprintf(group, sizeof(group), "%lu", (unsigned long)gid);
	snprintf(text, OWNED_TEXT_MAX, "%.38s%s%.38s",
	    pw != NULL ? pw->pw_name : user, has_group ? ":" : "",
	    !has_group	 ? ""
	    : gr != NULL ? gr->gr_name
			 : group);
	return text;
}

const char *
owned_text(const struct owned *want, char text[static OWNED_TEXT_MAX])
{
	return text_make(want->uid, want->gid, want->is_group_fixed, text);
}

const char *
owned_text_of(const struct stat *st, char text[static OWNED_TEXT_MAX])
{
	return text_make(st->st_uid, st->st_gid, true, text);
}

void
owned_say(const char *path, const struct owned *want, const struct stat *st)
{
	const char *other =
	    want->is_dir ? ", or name another directory in dm.toml" : "";
	char is[OWNED_TEXT_MAX], wanted[OWNED_TEXT_MAX];
	unsigned wrong = owned_check(want, st);

	owned_text(want, wanted);
	if ((wrong & OWNED_KIND) != 0)
		log_error("%s is not a %s: move it away%s", path,
		    want->is_dir ? "directory" : "file", other);
	if ((wrong & OWNED_OWNER) != 0)
		log_error("%s belongs to %s: chown %s %s%s", path,
		    owned_text_of(st, is), wanted, path, other);
	if ((wrong & OWNED_MODE) != 0)
		log_error("%s has mode %04o: chmod %04o %s%s", path,
		    st->st_mode & 07777, want->mode, path, other);
}

bool
owned_is_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy != -1 ? fdopendir(copy) : NULL;
	const struct dirent *d;
	bool is_empty = dir != NULL;

	if (dir == NULL && copy != -1)
		close(copy);
	while (is_empty && (d = readdir(dir)) != NULL)
		is_empty =
		    strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
	if (dir != NULL)
		closedir(dir);
	return is_empty;
}

bool
owned_is_adoptable(int fd, const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_uid == geteuid() &&
	       (st->st_mode & S_ISVTX) == 0 && owned_is_empty(fd);
}
