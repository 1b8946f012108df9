/* SPDX-License-Identifier: ISC */
/*
 * Going to the background without losing the exit status: the command that was
 * typed waits until the daemon is ready, or ends as it ends.
 */
#ifndef DMD_BACKGROUND_H
#define DMD_BACKGROUND_H

/*
 * Forks. Returns in the child, the leader of a new session, with the
 * descriptor for background_ready(). The parent never returns.
 */
int background_start(void);

/* Lets the waiting command exit 0 and leaves its terminal. Closes fd. */
void background_ready(int fd);

/* Makes sure that descriptors 0 to 2 are open, so that nothing else becomes
 * one of them. */
void background_fill(void);

#endif
