/* SPDX-License-Identifier: ISC */
#include "tests/double/fake_store.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/ipc.h"
#include "common/keys/keys.h"
#include "common/log.h"
#include "common/name.h"
#include "common/keys/sshsig.h"

struct fake_file *
fake_store_find(struct fake_store *s, const char *name)
{
	struct fake_file *f = s->files;

	while (f != NULL && strcmp(f->entry.name, name) != 0)
		f = f->next;
	return f;
}

void
fake_store_set(struct fake_store *s, const struct entry *e, const void *content)
{
	struct fake_file *f = fake_store_find(s, e->name), **at = &s->files;

	if (f == NULL) {
		f = xcalloc(1, sizeof(*f));
		while (
		    *at != NULL && name_order((*at)->entry.name, e->name) < 0)
			at = &(*at)->next;
		f->next = *at;
		*at = f;
	}
	free(f->content);
	f->entry = *e;
	f->content = xmalloc((size_t)e->size + 1);
	if (e->size > 0)
		memcpy(f->content, content, (size_t)e->size);
}

/* --- puts ------------------------------------------------------------- */

static struct fake_put *
put_find(struct fake_store *s, uint64_t id)
{
	for (size_t i = 0; i < FAKE_PUTS; i++)
		if (s->put[i].is_used && s->put[i].id == id)
			return &s->put[i];
	return NULL;
}

static void
put_free(struct fake_put *p)
{
	free(p->content);
	memset(p, 0, sizeof(*p));
}

static void
put_result(struct fake_store *s, uint64_t id, enum verdict v, uint64_t held_ns)
{
	struct ipc_put_result m = {id, v, held_ns};
	struct fake_put *p = put_find(s, id);

	if (p != NULL)
		put_free(p);
	ipc_send(s->ipc, IPC_PUT_RESULT, &m, -1);
}

static void
put_credit(struct fake_store *s, struct fake_put *p)
{
	struct ipc_put_credit m = {p->id, IPC_PUT_WINDOW - p->credit};

	if (s->is_stalled)
		return;
	p->credit += m.bytes;
	if (p->credit > s->outstanding_max)
		s->outstanding_max = p->credit;
	ipc_send(s->ipc, IPC_PUT_CREDIT, &m, -1);
}

void
fake_store_go_on(struct fake_store *s)
{
	s->is_stalled = false;
	for (size_t i = 0; i < FAKE_PUTS; i++)
		if (s->put[i].is_used)
			put_credit(s, &s->put[i]);
}

/* NULL: it has been refused. */
static struct fake_put *
put_begin(
    struct fake_store *s, uint64_t id, struct bytes entry, bool sha256_known)
{
	struct fake_put *p = s->put;

	s->begun++;
	while (p->is_used)
		p++;
	if (entry_decode(&p->entry, entry.data, entry.len) == 0)
		fatal("a put without an entry");
	p->is_used = true;
	p->id = id;
	p->sha256_known = sha256_known;
	p->content = xmalloc((size_t)p->entry.size + 1);
	if (s->refuse != VERDICT_OK)
		put_result(s, id, s->refuse, 7);
	else if (sha256_known && !s->without_signatures &&
		 !entry_verify(&p->entry))
		put_result(s, id, VERDICT_BAD_SIGNATURE, 0);
	else
		return p;
	return NULL;
}

static void
on_put_begin(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_put_begin *m = msg;
	struct fake_store *s = ctx;
	struct fake_put *p = put_begin(s, m->id, m->entry, m->sha256_known);

	if (p != NULL)
		put_credit(s, p);
}

static void
on_put_data(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_put_data *m = msg;
	struct fake_store *s = ctx;
	struct fake_put *p = put_find(s, m->id);

	if (p == NULL)
		return;
	if (m->data.len > p->credit || m->data.len > p->entry.size - p->len)
		fatal("content beyond the credit or the size");
	if (m->data.len > 0)
		memcpy(p->content + p->len, m->data.data, m->data.len);
	p->len += m->data.len;
	p->credit -= m->data.len;
	s->received += m->data.len;
	put_credit(s, p);
}

static enum verdict
judge(struct fake_store *s, struct fake_put *p, uint64_t *held_ns)
{
	struct fake_file *held = fake_store_find(s, p->entry.name);
	uint8_t hash[32];
	int order;

	SHA256(p->content, p->len, hash);
	if (!p->sha256_known)
		memcpy(p->entry.sha256, hash, sizeof(hash));
	if (p->len != p->entry.size || memcmp(hash, p->entry.sha256, 32) != 0)
		return VERDICT_BAD_CONTENT;
	if (!s->without_signatures && !entry_verify(&p->entry))
		return VERDICT_BAD_SIGNATURE;
	if (held == NULL)
		return VERDICT_CREATED;
	*held_ns = held->entry.signed_at_ns;
	order = entry_compare(&p->entry, &held->entry);
	return order > 0    ? VERDICT_REPLACED
	       : order == 0 ? VERDICT_UNCHANGED
			    : VERDICT_NOT_NEWER;
}

static void
on_put_end(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_put_end *m = msg;
	struct fake_store *s = ctx;
	struct fake_put *p = put_find(s, m->id);
	uint64_t held_ns = 0;
	enum verdict v;

	if (p == NULL)
		return;
	s->ended++;
	v = judge(s, p, &held_ns);
	if (v == VERDICT_CREATED || v == VERDICT_REPLACED) {
		struct ipc_entry told = {.origin = true};
		uint8_t encoded[ENTRY_SIZE_MAX];

		fake_store_set(s, &p->entry, p->content);
		told.entry =
		    bytes_of(encoded, entry_encode(&p->entry, encoded));
		if (!s->is_mute)
			ipc_send(s->ipc, IPC_ENTRY, &told, -1);
	}
	put_result(s, m->id, v, held_ns);
}

static void
on_put_whole(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_put_whole *m = msg;
	struct ipc_put_end end = {.id = m->id};
	struct fake_store *s = ctx;
	struct fake_put *p = put_begin(s, m->id, m->entry, true);

	if (p == NULL)
		return;
	if (m->content.len != p->entry.size)
		fatal("content that is not of its size");
	if (m->content.len > 0)
		memcpy(p->content, m->content.data, m->content.len);
	p->len = m->content.len;
	s->received += m->content.len;
	if (!s->is_stalled)
		on_put_end(ctx, ipc, &end, fd);
}

static void
on_put_abort(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_put_abort *m = msg;
	struct fake_store *s = ctx;
	struct fake_put *p = put_find(s, m->id);

	s->aborted++;
	if (p != NULL)
		put_free(p);
}

/* --- reading ---------------------------------------------------------- */

static struct fake_file *
find_key(struct fake_store *s, const uint8_t key[static 16])
{
	struct fake_file *f;
	uint8_t k[16];

	for (f = s->files; f != NULL; f = f->next) {
		name_key(f->entry.name, k);
		if (memcmp(k, key, sizeof(k)) == 0)
			return f;
	}
	return NULL;
}

static int
content_fd(const struct fake_file *f, size_t cut)
{
	int fd = memfd_create("content", MFD_CLOEXEC);
	size_t size = (size_t)f->entry.size - cut;

	if (fd == -1 || write(fd, f->content, size) != (ssize_t)size)
		fatal("memfd_create");
	return fd;
}

static void
on_open(void *ctx, struct ipc *ipc, const void *msg, int unused_fd)
{
	const struct ipc_open *m = msg;
	struct fake_store *s = ctx;
	struct fake_file *f = find_key(s, m->key);
	struct ipc_opened answer = {.id = m->id, .verdict = VERDICT_NOT_FOUND};
	uint8_t encoded[ENTRY_SIZE_MAX];
	int fd = -1;

	s->opened++;
	if (s->is_silent)
		return;
	if (f != NULL) {
		answer.verdict = f->entry.kind == ENTRY_DELETE ? VERDICT_DELETED
							       : VERDICT_OK;
		answer.entry =
		    bytes_of(encoded, entry_encode(&f->entry, encoded));
		if (answer.verdict == VERDICT_OK)
			fd = content_fd(f, s->cut);
	}
	ipc_send(ipc, IPC_OPENED, &answer, fd);
}

static void
on_read_entry(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_read_entry *m = msg;
	struct fake_store *s = ctx;
	struct fake_file *f = find_key(s, m->key);
	struct ipc_entry_read answer = {
	    .id = m->id, .verdict = f == NULL ? VERDICT_NOT_FOUND : VERDICT_OK};
	uint8_t encoded[ENTRY_SIZE_MAX];

	if (s->is_silent)
		return;
	if (f != NULL)
		answer.entry =
		    bytes_of(encoded, entry_encode(&f->entry, encoded));
	ipc_send(ipc, IPC_ENTRY_READ, &answer, -1);
}

static void
on_list(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_list *m = msg;
	struct fake_store *s = ctx;
	struct ipc_list_end end = {.id = m->id, .verdict = VERDICT_OK};
	char prefix[NAME_LEN_MAX + 1], cursor[NAME_LEN_MAX + 1];
	uint64_t left = s->page != 0 && s->page < m->limit ? s->page : m->limit;

	s->listed++;
	if (s->is_silent ||
	    (s->silent_after > 0 && s->listed > s->silent_after))
		return;
	bytes_copy_text(m->prefix, prefix, sizeof(prefix));
	bytes_copy_text(m->cursor, cursor, sizeof(cursor));
	for (struct fake_file *f = s->files; f != NULL; f = f->next) {
		uint8_t encoded[ENTRY_SIZE_MAX];
		struct ipc_list_row row = {.id = m->id};

		if (f->entry.kind == ENTRY_DELETE ||
		    strncmp(f->entry.name, prefix, strlen(prefix)) != 0 ||
		    (cursor[0] != '\0' &&
			name_order(f->entry.name, cursor) <= 0))
			continue;
		if (left-- == 0) {
			end.more = true;
			break;
		}
		row.entry = bytes_of(encoded, entry_encode(&f->entry, encoded));
		ipc_send(ipc, IPC_LIST_ROW, &row, -1);
	}
	ipc_send(ipc, IPC_LIST_END, &end, -1);
}

static void
on_judge(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	const struct ipc_judge *m = msg;
	struct fake_store *s = ctx;
	struct ipc_verdict answer = {
	    m->id, s->refuse != VERDICT_OK ? s->refuse : VERDICT_FETCH, 99, 0};

	if (!s->is_silent)
		ipc_send(ipc, IPC_VERDICT, &answer, -1);
}

/* The credit for it is the test's to give. */
static void
on_suspect(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
	struct fake_store *s = ctx;

	s->suspects++;
}

static void
on_hint(void *ctx, struct ipc *ipc, const void *msg, int fd)
{
}

/* --- its life --------------------------------------------------------- */

static ipc_handler *const handlers[IPC_MESSAGE_COUNT] = {
    [IPC_JUDGE] = on_judge,
    [IPC_PUT_BEGIN] = on_put_begin,
    [IPC_PUT_DATA] = on_put_data,
    [IPC_PUT_END] = on_put_end,
    [IPC_PUT_ABORT] = on_put_abort,
    [IPC_PUT_WHOLE] = on_put_whole,
    [IPC_OPEN] = on_open,
    [IPC_READ_ENTRY] = on_read_entry,
    [IPC_LIST] = on_list,
    [IPC_SUSPECT] = on_suspect,
    [IPC_DROP_TICKET] = on_hint,
};

static void
on_closed(void *ctx, struct ipc *ipc, const char *violation)
{
	if (violation != NULL)
		fatal("the fake store was violated: %s", violation);
}

struct fake_store *
fake_store_new(struct event_base *base, int fd)
{
	struct fake_store *s = xcalloc(1, sizeof(*s));
	struct ipc_owner owner = {handlers, NULL, on_closed, s};

	s->ipc = ipc_new(base, fd, ROLE_STORE, ROLE_NET, &owner);
	return s;
}

void
fake_store_free(struct fake_store *s)
{
	struct fake_file *f;

	if (s == NULL)
		return;
	ipc_free(s->ipc);
	for (size_t i = 0; i < FAKE_PUTS; i++)
		put_free(&s->put[i]);
	while ((f = s->files) != NULL) {
		s->files = f->next;
		free(f->content);
		free(f);
	}
	free(s);
}

void
fake_entry(struct entry *e, enum entry_kind kind, const char *name,
    uint64_t signed_at_ns, const void *content, size_t len, uint8_t seed)
{
	uint8_t bytes[32], signed_bytes[SSHSIG_SIGNED_MAX];
	char text[TEXT_LEN_MAX];
	struct key_pair key;
	size_t n;

	memset(e, 0, sizeof(*e));
	memset(bytes, seed, sizeof(bytes));
	key_from_seed(&key, bytes);
	e->kind = kind;
	strncpy(e->name, name, sizeof(e->name) - 1);
	e->signed_at_ns = signed_at_ns;
	e->size = len;
	SHA256(content, len, e->sha256);
	memcpy(e->signer, key.public_key, sizeof(e->signer));
	n = entry_text(e, text);
	n = sshsig_signed_bytes(text, n, signed_bytes);
	key_sign(&key, signed_bytes, n, e->signature);
	key_clear(&key);
}
