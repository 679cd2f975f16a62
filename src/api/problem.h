/* api/problem.h - what a call that failed answers (RFC 9457) */
#pragma once
#include "api/call.h"

/* Replaces what the call wrote by a problem document, and chooses retry_ms where trying again may help. */
void problem_write(struct call *c);
