/* SPDX-License-Identifier: ISC */
/*
 * SSHSIG (OpenSSH PROTOCOL.sshsig): the form that ssh-keygen -Y sign makes, so
 * that stock OpenSSH can sign for dmd and verify the signatures that dmd
 * stores. Only ssh-ed25519 keys, namespace "file@data-mesher", hash sha512.
 * Pure.
 */
#ifndef COMMON_KEYS_SSHSIG_H
#define COMMON_KEYS_SSHSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key_check;

#define SSHSIG_NAMESPACE "file@data-mesher"
#define SSHSIG_SIGNED_MAX 128 /* bytes of what ed25519 signs */

/*
 * Writes the bytes that the ed25519 key signs for a text: "SSHSIG", namespace,
 * reserved "", "sha512", sha512(text), as SSH strings. Returns the length
 * written.
 */
size_t sshsig_signed_bytes(
    const char *text, size_t len, uint8_t out[static SSHSIG_SIGNED_MAX]);

/* Verifies a raw signature over text. Without a check (key_check.h): NULL. */
bool sshsig_verify(struct key_check *, const uint8_t key[static 32],
    const char *text, size_t len, const uint8_t signature[static 64]);

/*
 * Decodes a binary SSHSIG blob (after base64): false unless it is exactly an
 * ssh-ed25519 signature with our namespace, empty reserved and sha512.
 */
bool sshsig_decode(const uint8_t *blob, size_t len, uint8_t key[static 32],
    uint8_t signature[static 64]);

/*
 * The armored form ("-----BEGIN SSH SIGNATURE-----", lines of 70), identical
 * to what ssh-keygen writes for the same key and signature. out is terminated.
 */
#define SSHSIG_ARMOR_MAX 512
size_t sshsig_armor(const uint8_t key[static 32],
    const uint8_t signature[static 64], char out[static SSHSIG_ARMOR_MAX]);

#endif
