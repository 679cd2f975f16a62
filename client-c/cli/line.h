/* cli/line.h - lines typed by a person, with output above the prompt meanwhile (libedit's only home) */
#pragma once
#include "posthorn.h"

struct line;

/* For stdin and stdout: libedit when both are terminals, plain lines otherwise. client is borrowed; it is
 * stepped while line_read() waits. idle is called after each step. */
struct line *line_new(struct posthorn *client, void (*idle)(void *context), void *context);
void line_free(struct line **l);
/* Waits for a line. A string of the caller's without the newline; NULL: the end of input. */
char *line_read(struct line *l, const char *prompt);
/* Prints text (whole lines) above the prompt, if one is there. */
void line_print(struct line *l, const char *text);
