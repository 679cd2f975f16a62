/* net/devcert.h - a certificate authority and a certificate for machines that have none */
#pragma once
#include "base/err.h"
#include <stdint.h>

/* Sees to ca.pem, ca-key.pem, cert.pem and key.pem in directory (made if need be; keys are for the owner only):
 * ECDSA P-256, the leaf for localhost, 127.0.0.1, ::1 and this host's name. The authority is kept as long as it
 * is good, so that clients that trust it go on; the leaf is renewed 30 days before its end. unix_s is the time.
 * Error: ERR_BAD_REQUEST with a log line (the directory or a file can't be written). */
MUST_USE enum err devcert_make(const char *directory, uint64_t unix_s);
