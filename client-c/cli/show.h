/* cli/show.h - events and lists as people read them */
#pragma once
#include "cli/cli.h"

/* An event as a line (or more) ended by a newline, a string of the caller's; with_place: which conversation
 * it belongs to. Asks the server for names not known yet. NULL: nothing a person needs to see. */
char *show_event(struct cli *c, const struct posthorn_event *e, bool with_place);
/* Prints an event on stdout, as JSON with --json. False: stdout is gone. */
bool show_print(struct cli *c, const struct posthorn_event *e, bool with_place);
/* "14:05", or "2026-11-23 14:05" when it was not today; "" when at can't be read. Local time. */
void show_time(const char *at, char into[24]);
/* Wraps text in a color when stdout has colors; strings of the caller's. code as in "1;34". */
char *show_colored(const struct cli *c, const char *code, const char *text);
