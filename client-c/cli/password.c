/* cli/password.c - passwords: from a file, from stdin, or asked for without echo; never from argv */
#include "cli/password.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* A line without its end, read byte by byte so that nothing stays in a buffer; -1: the end or too long. */
static int read_line(int fd, char into[PASSWORD_MOST])
{
    size_t n = 0;
    char byte;
    ssize_t got;
    while ((got = read(fd, &byte, 1)) == 1 && byte != '\n') {
        if (byte == 3)
            return CLI_INTERRUPTED;
        if (byte == 4)
            return -1;
        if (n + 1 == PASSWORD_MOST)
            return -1;
        into[n++] = byte;
    }
    if (n && into[n - 1] == '\r')
        n--;
    into[n] = 0;
    return got < 0 || (got == 0 && n == 0) ? -1 : 0;
}

/* Asks for one, or for a new one twice. */
static int ask_on(const struct cli *c, int tty, bool is_new, char into[PASSWORD_MOST])
{
    char again[PASSWORD_MOST];
    dprintf(tty, "%s", is_new ? "New password: " : "Password: ");
    int result = read_line(tty, into);
    dprintf(tty, "\n");
    if (result || !is_new)
        return result;
    dprintf(tty, "Again: ");
    result = read_line(tty, again);
    dprintf(tty, "\n");
    if (result == 0 && strcmp(into, again) != 0)
        result = cli_error(c, POSTHORN_MISUSE, "the two passwords differ");
    explicit_bzero(again, sizeof again);
    return result;
}

/* Asks on the terminal. Echo goes before the prompt comes: an answer may come at once. Signals are off
 * meanwhile: a ^C that ended us here would leave the terminal without echo. */
static int ask(const struct cli *c, bool is_new, char into[PASSWORD_MOST])
{
    struct termios before, quiet;
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0 || tcgetattr(tty, &before) != 0) {
        if (tty >= 0)
            close(tty);
        return cli_error(c, POSTHORN_MISUSE, "no terminal to ask on: use --password-file FILE (or -)");
    }
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    tcsetattr(tty, TCSAFLUSH, &quiet);
    int result = ask_on(c, tty, is_new, into);
    tcsetattr(tty, TCSAFLUSH, &before);
    close(tty);
    return result == -1 ? cli_error(c, POSTHORN_MISUSE, "no password was given") : result;
}

static int from_file(const struct cli *c, const char *path, char into[PASSWORD_MOST])
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cli_error(c, POSTHORN_FAILED, "%s: %s", path, strerror(errno));
    int result = read_line(fd, into);
    if (!is_stdin)
        close(fd);
    return result ? cli_error(c, POSTHORN_FAILED, "%s: no password in the first line", path) : 0;
}

int password_get(const struct cli *c, bool is_new, char into[PASSWORD_MOST])
{
    if (c->options.value[OPTION_PASSWORD_FILE])
        return from_file(c, c->options.value[OPTION_PASSWORD_FILE], into);
    if (!c->may_ask)
        return cli_error(c, POSTHORN_MISUSE, "--no-input: the password must come from --password-file");
    return ask(c, is_new, into);
}
