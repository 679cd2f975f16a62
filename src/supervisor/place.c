/* supervisor/place.c - words of one byte over a socket */
#include "supervisor/place.h"
#include <errno.h>
#include <sys/socket.h>

void place_say(const struct place *p, enum place_word word)
{
    char byte = (char)word;

    if (p->line >= 0)
        (void)send(p->line, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL); /* a full line is proof enough of life */
}

bool place_hear(int line, bool *is_alive, bool *is_ready)
{
    char word[64];
    ssize_t bytes;

    *is_alive = *is_ready = false;
    while ((bytes = recv(line, word, sizeof word, MSG_DONTWAIT)) > 0) {
        *is_alive = true;
        for (ssize_t k = 0; k < bytes; k++)
            *is_ready = *is_ready || word[k] == PLACE_READY;
    }
    return bytes < 0 && (errno == EAGAIN || errno == EINTR);
}
