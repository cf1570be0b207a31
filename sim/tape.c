/* SPDX-License-Identifier: Apache-2.0 */
#include "tape.h"

#include <stdlib.h>
#include <string.h>

/* Room for one element more; false: out of memory. */
static bool grow(void **array, int count, int *most, size_t element)
{
    if (count < *most) return true;
    int more = 2 * *most + 4096;
    void *bigger = realloc(*array, (size_t)more * element);
    if (!bigger) return false;
    *array = bigger;
    *most = more;
    return true;
}

static bool add_change(tape_t *tape, int signal, const void *data, size_t bytes)
{
    char *copy = malloc(bytes);
    if (!copy || !grow((void **)&tape->change, tape->changes, &tape->changes_max, sizeof *tape->change)) {
        free(copy);
        return false;
    }
    tape->change[tape->changes++] = (tape_change_t){(uint16_t)signal, bytes, memcpy(copy, data, bytes)};
    tape->last[signal] = copy;
    return true;
}

bool tape_add(tape_t *tape, const block_t *b)
{
    if (!grow((void **)&tape->first, tape->cycles, &tape->cycles_max, sizeof *tape->first)) return false;
    tape->first[tape->cycles++] = tape->changes;
    for (int i = 0; i < b->signals; ++i) {
        const signal_t *s = &b->table[i];
        size_t bytes = signal_count(s) * (size_t)signal_bytes(s);
        if (s->kind != SIGNAL_IN) continue;
        if (tape->last[i] && !memcmp(tape->last[i], block_data(b, s), bytes)) continue;
        if (!add_change(tape, i, block_data(b, s), bytes)) return false;
    }
    return true;
}

void tape_free(tape_t *tape)
{
    for (int i = 0; i < tape->changes; ++i) free(tape->change[i].data);
    free(tape->change);
    free(tape->first);
    *tape = (tape_t){0};
}
