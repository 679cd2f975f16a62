/* fuzz/fuzz_config.c - any bytes as a configuration file: refused with one line, or printed and read again */
#include "base/config.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* A value that begins with the comment sign, or fills its line, is not the same once there are blanks around '='. */
static bool can_come_back(const struct config *c)
{
#define S(section, name, initial, doc)                                                                       \
    if (c->section##_##name[0] == ';' || strlen(c->section##_##name) > 150)                                  \
        return false;
#define N(section, name, initial, least, most, doc)
#include "base/config.def"
#undef S
#undef N
    return true;
}

static void check_numbers(const struct config *c)
{
#define S(section, name, initial, doc) CHECK(memchr(c->section##_##name, 0, sizeof c->section##_##name));
#define N(section, name, initial, least, most, doc)                                                          \
    CHECK(c->section##_##name >= (least) && c->section##_##name <= (most));
#include "base/config.def"
#undef S
#undef N
}

static void check_again(const struct config *c)
{
    struct config_error why;
    struct config again;
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);

    CHECK(f);
    config_print(c, f);
    fclose(f);
    CHECK(config_parse(&again, text, bytes, &why) == ERR_OK);
    CHECK(memcmp(c, &again, sizeof again) == 0);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct config_error why = { "" };
    struct config c;

    if (config_parse(&c, (const char *)data, bytes, &why)) {
        CHECK(why.text[0] && memchr(why.text, 0, sizeof why.text));
        return 0;
    }
    check_numbers(&c);
    if (can_come_back(&c))
        check_again(&c);
    return 0;
}
