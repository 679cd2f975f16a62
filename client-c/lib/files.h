/* lib/files.h - small private files: whole reads, atomic writes, locks */
#pragma once
#include "lib/buf.h"
#include "lib/check.h"
#include <stdbool.h>

/* Makes a directory and its parents, 0700. False: errno says why. */
MUST_USE bool files_make_dir(const char *path);
/* dir/name, a string of the caller's. */
char *files_join(const char *dir, const char *name);
/* Reads a file of at most most bytes into *into. False: not there, unreadable or longer; errno says why. */
MUST_USE bool files_read(const char *path, size_t most, struct buf *into);
/* Replaces dir/name so that a reader, or the machine after a power cut, sees the old content or the new
 * one, never a part. 0600. False: errno says why, and the old content stands. */
MUST_USE bool files_replace(const char *dir, const char *name, const void *bytes, size_t count);
/* Opens or makes dir/name (0600) and locks it; the lock ends with the descriptor or the process.
 * -1: errno is EWOULDBLOCK when another process has it. */
MUST_USE int files_lock(const char *dir, const char *name);
/* Makes the names of a directory durable. */
MUST_USE bool files_sync_dir(const char *dir);
/* Writes everything, however often the kernel cuts it short. */
MUST_USE bool files_write(int fd, const void *bytes, size_t count);
