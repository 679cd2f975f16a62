/* cli/line.c - lines typed by a person, with output above the prompt meanwhile (libedit's only home) */
#include "cli/line.h"
#include "cli/text.h"
#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

/* libedit asks read_character() for each key; that is where we wait for the network too. What arrives is
 * printed above the line being typed: its rows are counted and erased, the text is written, and libedit
 * draws the line again below. */

enum { FDS_MOST = 9, KEPT_LINES = 500, INPUT_MOST = 64 * 1024 };

struct line {
    struct posthorn *client;
    void (*idle)(void *context);
    void *context;
    EditLine *el; /* NULL: plain lines */
    HistoryW *history;
    const char *prompt;
    bool is_reading; /* a prompt is on the screen */
    char bytes[256]; /* read from stdin, not used yet */
    size_t at, end;
    bool is_ended;
};

/* Steps the client until stdin has something. False: interrupted by a signal. */
static bool wait_for_input(struct line *l)
{
    for (;;) {
        struct pollfd fds[FDS_MOST] = { { .fd = STDIN_FILENO, .events = POLLIN } };
        size_t count = 1 + posthorn_fds(l->client, fds + 1, FDS_MOST - 1);
        int due = posthorn_timeout_ms(l->client);
        int ready = poll(fds, (nfds_t)count, due < 0 || due > 1000 ? 1000 : due);
        if (ready < 0 && errno == EINTR)
            return false;
        posthorn_step(l->client);
        l->idle(l->context);
        if (fds[0].revents)
            return true;
    }
}

/* The next byte, -1: the end. */
static int next_byte(struct line *l)
{
    while (l->at == l->end) {
        if (l->is_ended)
            return -1;
        if (!wait_for_input(l))
            continue;
        ssize_t got = read(STDIN_FILENO, l->bytes, sizeof l->bytes);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        l->is_ended = got <= 0;
        l->at = 0;
        l->end = got > 0 ? (size_t)got : 0;
    }
    return (unsigned char)l->bytes[l->at++];
}

/* For libedit: 1 and a character, 0: the end. */
static int read_character(EditLine *el, wchar_t *into)
{
    struct line *l;
    mbstate_t state = { 0 };
    el_wget(el, EL_CLIENTDATA, &l);
    for (;;) {
        int byte = next_byte(l);
        if (byte < 0)
            return 0;
        char c = (char)byte;
        size_t used = mbrtowc(into, &c, 1, &state);
        if (used == (size_t)-2)
            continue; /* more bytes of this character follow */
        if (used == (size_t)-1) {
            memset(&state, 0, sizeof state);
            continue; /* not a character: dropped */
        }
        if (used == 0)
            *into = 4; /* a ^D typed between two lines, when the terminal was not ours: Linux makes it 0 */
        return 1;
    }
}

static char *show_prompt(EditLine *el)
{
    struct line *l;
    el_wget(el, EL_CLIENTDATA, &l);
    return (char *)(uintptr_t)l->prompt;
}

struct line *line_new(struct posthorn *client, void (*idle)(void *context), void *context)
{
    struct line *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    *l = (struct line){ .client = client, .idle = idle, .context = context, .prompt = "" };
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return l;
    l->el = el_init("posthorn", stdin, stdout, stderr);
    l->history = history_winit();
    if (!l->el || !l->history)
        abort();
    HistEventW event;
    history_w(l->history, &event, H_SETSIZE, KEPT_LINES);
    el_wset(l->el, EL_CLIENTDATA, l);
    el_wset(l->el, EL_EDITOR, L"emacs");
    el_wset(l->el, EL_SIGNAL, 1); /* ^C and ^Z leave the terminal as it was */
    el_wset(l->el, EL_GETCFN, read_character);
    el_wset(l->el, EL_HIST, history_w, l->history);
    el_set(l->el, EL_PROMPT, show_prompt);
    el_source(l->el, NULL);
    return l;
}

void line_free(struct line **l)
{
    if (!*l)
        return;
    if ((*l)->el)
        el_end((*l)->el);
    if ((*l)->history)
        history_wend((*l)->history);
    free(*l);
    *l = NULL;
}

static char *to_bytes(const wchar_t *wide, size_t count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        abort();
    mbstate_t state = { 0 };
    char part[16]; /* MB_LEN_MAX of glibc */
    for (size_t n = 0; n < count; n++) {
        size_t bytes = wcrtomb(part, wide[n], &state);
        if (bytes != (size_t)-1)
            fwrite(part, 1, bytes, to);
    }
    if (fclose(to) != 0)
        abort();
    return text;
}

static char *read_edited(struct line *l)
{
    int count = 0;
    l->is_reading = true;
    const wchar_t *wide = el_wgets(l->el, &count);
    l->is_reading = false;
    if (!wide || count <= 0)
        return NULL;
    if (wide[count - 1] == L'\n')
        count--;
    char *text = to_bytes(wide, (size_t)count);
    HistEventW event;
    if (count)
        history_w(l->history, &event, H_ENTER, wide);
    return text;
}

static char *read_plain(struct line *l)
{
    char *text = NULL;
    size_t size = 0, n = 0;
    int byte;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        abort();
    while ((byte = next_byte(l)) >= 0 && byte != '\n' && n++ < INPUT_MOST)
        fputc(byte, to);
    if (fclose(to) != 0)
        abort();
    if (byte < 0 && size == 0) {
        free(text);
        return NULL;
    }
    return text;
}

char *line_read(struct line *l, const char *prompt)
{
    l->prompt = prompt;
    return l->el ? read_edited(l) : read_plain(l);
}

/* Where the cursor is after c, on a screen of so many columns. */
static void advance(wchar_t c, unsigned columns, unsigned *row, unsigned *column)
{
    int width = wcwidth(c);
    unsigned cells = width < 0 ? 2 : (unsigned)width; /* a control character is shown as ^X */
    if (*column + cells > columns) {
        *row += 1;
        *column = 0;
    }
    *column += cells;
    if (*column == columns) {
        *row += 1;
        *column = 0;
    }
}

static unsigned columns_now(void)
{
    struct winsize w;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
}

/* How many rows above the cursor the prompt begins. */
static unsigned rows_above(const struct line *l)
{
    unsigned row = 0, column = 0, columns = columns_now();
    mbstate_t state = { 0 };
    wchar_t c;
    size_t used;
    for (const char *at = l->prompt; (used = mbrtowc(&c, at, MB_CUR_MAX, &state)) > 0 && used < (size_t)-2;
         at += used)
        advance(c, columns, &row, &column);
    const LineInfoW *info = el_wline(l->el);
    for (const wchar_t *at = info->buffer; at < info->cursor; at++)
        advance(*at, columns, &row, &column);
    return row;
}

void line_print(struct line *l, const char *text)
{
    if (!l->is_reading) {
        fputs(text, stdout);
        fflush(stdout);
        return;
    }
    unsigned rows = rows_above(l);
    if (rows)
        printf("\033[%uA", rows);
    printf("\r\033[J%s", text);
    fflush(stdout);
    el_wset(l->el, EL_REFRESH);
}
