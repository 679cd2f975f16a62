/* cli/main.c - the posthorn command line */
#include "cli/command.h"
#include <locale.h>
#include <signal.h>

int main(int argc, char *argv[])
{
    setlocale(LC_ALL, ""); /* wide characters on the terminal */
    signal(SIGPIPE, SIG_DFL); /* `posthorn history x | head` ends in silence */
    return command_run(argc, argv);
}
