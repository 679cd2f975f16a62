/* base/die.h - moments at which a test may want this process to die, as kill -9 would end it; nothing in a release
 *
 * In a Debug build with $DIE_AT, a directory: where it has a file of the moment's name, the file goes and the process ends.
 */
#pragma once

#ifdef DIE_AT_MOMENTS
void die_at(const char *moment);
#else
static inline void die_at(const char *moment)
{
    (void)moment;
}
#endif
