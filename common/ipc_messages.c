/* SPDX-License-Identifier: ISC */
/* The descriptors that ipc_messages.def turns into. */
#include "common/ipc_table.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/sha256.h"

/* clang-format off */
#define MESSAGE(name, NAME, from, to, fd) \
	static const struct codec_field fields_##name[] = {
#define F_U64(name, field, max) \
	{ #field, CODEC_U64, offsetof(struct ipc_##name, field), max },
#define F_BOOL(name, field) \
	{ #field, CODEC_BOOL, offsetof(struct ipc_##name, field), 0 },
#define F_FIXED(name, field, len) \
	{ #field, CODEC_FIXED, offsetof(struct ipc_##name, field), len },
#define F_BYTES(name, field, max) \
	{ #field, CODEC_BYTES, offsetof(struct ipc_##name, field), max },
#define F_TEXT(name, field, max) \
	{ #field, CODEC_TEXT, offsetof(struct ipc_##name, field), max },
#define MESSAGE_END(name) { NULL, CODEC_BOOL, 0, 0 } };
#include "common/ipc_messages.def"
#undef MESSAGE
#undef F_U64
#undef F_BOOL
#undef F_FIXED
#undef F_BYTES
#undef F_TEXT
#undef MESSAGE_END

#define F_U64(name, field, max)
#define F_BOOL(name, field)
#define F_FIXED(name, field, len)
#define F_BYTES(name, field, max)
#define F_TEXT(name, field, max)
#define MESSAGE_END(name)
#define MESSAGE(name_, NAME, from_, to_, fd_) [IPC_##NAME] = { \
	{ #name_, sizeof(struct ipc_##name_), fields_##name_, \
	    sizeof(fields_##name_) / sizeof(fields_##name_[0]) - 1 }, \
	IPC_ROLES_##from_, IPC_ROLES_##to_, IPC_##fd_ },
const struct ipc_row ipc_table[IPC_MESSAGE_COUNT] = {
#include "common/ipc_messages.def"
};
/* clang-format on */

const char *
ipc_message_name(enum ipc_message m)
{
	return (unsigned)m < IPC_MESSAGE_COUNT ? ipc_table[m].layout.name
					       : "unknown";
}

const struct codec_struct *
ipc_message_struct(enum ipc_message m)
{
	return &ipc_table[m].layout;
}

static void
hash_row(struct sha256 *h, const struct ipc_row *row)
{
	const struct codec_field *f;
	char line[128];
	int n;

	n = snprintf(line, sizeof(line), "%s %u %u %u\n", row->layout.name,
	    row->from, row->to, (unsigned)row->fd);
	sha256_add(h, line, (size_t)n);
	for (f = row->layout.fields;
	     f < row->layout.fields + row->layout.n_fields; f++) {
		n = snprintf(line, sizeof(line), " %s %u %llu\n", f->name,
		    (unsigned)f->kind, (unsigned long long)f->limit);
		sha256_add(h, line, (size_t)n);
	}
}

void
ipc_table_hash(uint8_t hash[static 32])
{
	struct sha256 *h = sha256_new();

	for (unsigned i = 0; i < IPC_MESSAGE_COUNT; i++)
		hash_row(h, &ipc_table[i]);
	sha256_end(h, hash);
	sha256_free(h);
}

const char *
role_name(enum role role)
{
	static const char *const names[ROLE_COUNT] = {
	    "dmd", "dm-net", "dm-store", "resolver"};

	return (unsigned)role < ROLE_COUNT ? names[role] : "unknown";
}
