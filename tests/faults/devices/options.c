/* faults/devices/options.c - the command line of posthorn-devices */
#include "devices/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: posthorn-devices --url https://HOST:PORT [--url ...] --conninfo TEXT "
                            "--dir DIR --state DIR [options]\n\n"
                            "  --ca FILE        trust these certificates\n"
                            "  --devices N      (300), one to three an account\n"
                            "  --accounts N     (half as many)\n"
                            "  --groups N       of 3 to 100 members, who come and go (10)\n"
                            "  --messages N     that are sent, 70 % of them to one (1000)\n"
                            "  --rate N         a second; 0: as fast as they are answered (0)\n"
                            "  --seconds N      then no more are sent (0: no bound)\n"
                            "  --quiet N        seconds after which all must have caught up (60)\n"
                            "  --seed N         of the dice (1)\n\n"
                            "Writes DIR/devices.history, prints a line of JSON. Exit: 0 all caught up and "
                            "nobody noticed anything, 1 not so,\n"
                            "2 it could not run. SIGTERM: no more are sent, the rest as ever.\n";

static bool number(const char *text, uint64_t least, uint64_t most, uint64_t *into)
{
    char *end;
    *into = strtoull(text, &end, 10);
    return *text && !*end && *into >= least && *into <= most;
}

static bool take_text(struct options *o, int option)
{
    switch (option) {
    case 'u':
        if (o->urls == OPTIONS_URLS_MOST)
            return false;
        o->url[o->urls++] = optarg;
        return true;
    case 'c':
        o->ca = optarg;
        return true;
    case 'i':
        o->conninfo = optarg;
        return true;
    case 'd':
        o->dir = optarg;
        return true;
    case 's':
        o->state = optarg;
        return true;
    default:
        return false;
    }
}

static bool take_number(struct options *o, int option)
{
    uint64_t n;
    if (option == 'm')
        return number(optarg, 1, 100 * 1000 * 1000, &o->messages);
    const struct {
        int option;
        uint32_t *into, least, most;
    } all[] = {
        { 'D', &o->devices, 2, 3000 },    { 'A', &o->accounts, 2, 3000 },     { 'G', &o->groups, 0, 100 },
        { 'r', &o->rate, 0, 100000 },     { 'S', &o->seconds, 0, 24 * 3600 }, { 'q', &o->quiet_s, 1, 3600 },
        { 'x', &o->seed, 0, UINT32_MAX },
    };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        if (all[k].option != option)
            continue;
        bool is_fit = number(optarg, all[k].least, all[k].most, &n);
        *all[k].into = (uint32_t)n;
        return is_fit;
    }
    return false;
}

bool options_read(struct options *o, int argc, char **argv)
{
    static const struct option known[] = {
        { "url", required_argument, NULL, 'u' },      { "ca", required_argument, NULL, 'c' },
        { "conninfo", required_argument, NULL, 'i' }, { "dir", required_argument, NULL, 'd' },
        { "state", required_argument, NULL, 's' },    { "devices", required_argument, NULL, 'D' },
        { "accounts", required_argument, NULL, 'A' }, { "groups", required_argument, NULL, 'G' },
        { "messages", required_argument, NULL, 'm' }, { "rate", required_argument, NULL, 'r' },
        { "seconds", required_argument, NULL, 'S' },  { "quiet", required_argument, NULL, 'q' },
        { "seed", required_argument, NULL, 'x' },     { 0 }
    };
    int option;
    *o = (struct options){ .devices = 300, .groups = 10, .messages = 1000, .quiet_s = 60, .seed = 1 };
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == '?' || (!take_text(o, option) && !take_number(o, option))) {
            fputs(usage, stderr);
            return false;
        }
    }
    o->accounts = o->accounts ? o->accounts : (o->devices + 1) / 2;
    if (optind == argc && o->urls && o->conninfo && o->dir && o->state && o->accounts <= o->devices)
        return true;
    fputs(usage, stderr);
    return false;
}
