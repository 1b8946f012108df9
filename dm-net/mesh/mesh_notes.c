/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/mesh_notes.h"

/* Texts for people about peers: why one could not be reached, and the lines of
 * the log on who comes and goes. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "dm-net/mesh/peer_conn.h"

/* --- why a peer could not be reached ---------------------------------- */

static struct note *
note_of(const struct mesh *m, const struct peer_id *peer)
{
	for (size_t i = 0; i < m->n_notes; i++)
		if (peer_id_equal(&m->notes[i].peer, peer))
			return &m->notes[i];
	return NULL;
}

void
mesh_note(struct mesh *m, const struct peer_id *peer, const char *fmt, ...)
{
	struct note *note = note_of(m, peer);
	va_list ap;

	if (note == NULL) {
		/* the oldest makes room */
		note = &m->notes[m->next_note++ % MESH_NOTES_MAX];
		if (m->n_notes < MESH_NOTES_MAX)
			m->n_notes++;
		note->peer = *peer;
	}
	va_start(ap, fmt);
	vsnprintf(note->text, sizeof(note->text), fmt, ap);
	va_end(ap);
}

void
mesh_note_clear(struct mesh *m, const struct peer_id *peer)
{
	struct note *note = note_of(m, peer);

	if (note != NULL)
		note->text[0] = '\0';
}

const char *
mesh_note_find(const struct mesh *m, const struct peer_id *peer)
{
	const struct note *note = note_of(m, peer);

	return note == NULL ? "" : note->text;
}

/* --- who comes and goes ------------------------------------------------ */

#define TELL_MAX 50 /* lines */
#define TELL_NS (10 * NS_PER_S)

void
mesh_tell(struct mesh *m, const char *fmt, ...)
{
	uint64_t now_ns = clock_mono_ns();
	char text[1024];
	va_list ap;

	if (now_ns - m->told_since_ns >= TELL_NS) {
		if (m->untold > 0)
			log_info("left out %u lines about peers", m->untold);
		m->told_since_ns = now_ns;
		m->told = m->untold = 0;
	}
	if (m->told == TELL_MAX) {
		m->untold++;
		return;
	}
	m->told++;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_info("%s", text);
}
