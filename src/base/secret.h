/* base/secret.h - passwords, tokens, hashes and randomness (libsodium's only home) */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <stddef.h>
#include <stdint.h>

enum {
    SECRET_PASSWORD_HASH_MAX = 128, /* bytes of a stored password hash, with its final 0 */
    SECRET_HASH_BYTES = 32,
};

void secret_init(void);                                     /* once, before anything else here */
void secret_random(void *into, size_t bytes);
uint64_t secret_random_u64(void);
/* argon2id, t=2, m=64 MiB: about 70 ms. Thread-safe; never on the loop's thread. */
void secret_password_hash(struct text password, char into[static SECRET_PASSWORD_HASH_MAX]);
/* Takes as long for hash == NULL (unknown account), and answers false then. */
bool secret_password_verify(struct text password, const char *hash);
/* BLAKE2b-256. */
void secret_hash(struct text of, uint8_t into[static SECRET_HASH_BYTES]);
uint64_t secret_hash_u64(struct text of);                   /* the first 8 bytes of secret_hash() */
bool secret_equal(const void *a, const void *b, size_t bytes);  /* in constant time */
/* base64url without padding. Encode: into holds (bytes * 4 + 2) / 3 + 1. Decode: the number of bytes,
 * or -1 for a character outside the alphabet, padding, or more than into_max bytes. */
void secret_base64url(const void *p, size_t bytes, char *into);
int secret_unbase64url(struct text t, void *into, size_t into_max);
void secret_wipe(void *p, size_t bytes);
