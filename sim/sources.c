/* SPDX-License-Identifier: Apache-2.0 */
#include "sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paths.h"

static int collect(void *context, const char *name, const char *text, size_t bytes, char *error)
{
    sources_t *s = context;
    (void)bytes;
    char *copy = s->n < SOURCES_MAX ? strdup(text) : NULL;
    if (!copy) {
        snprintf(error, GENERATE_ERROR_MAX, "%s: out of memory", name);
        return -1;
    }
    snprintf(s->file[s->n].name, sizeof s->file[s->n].name, "%s", name);
    s->file[s->n++].text = copy;
    return 0;
}

static bool is_unit(const design_t *d, const char *module)
{
    size_t n = strlen(d->name);
    return !strncmp(module, d->name, n) && module[n] == '_' && block_find(module + n + 1);
}

/* Marks a module and, by its instances, what it is built from. False when there is no such module. */
static bool mark(sources_t *s, const design_t *d, const char *module, bool own)
{
    char file[192], child[192], instance[200];
    snprintf(file, sizeof file, "%s.v", module);
    for (int i = 0; i < s->n; ++i) {
        if (strcmp(s->file[i].name, file) != 0) continue;
        if (s->file[i].used && (s->file[i].own || !own)) return true;
        s->file[i].used = true;
        s->file[i].own |= own;
        for (int k = 0; k < s->n; ++k) {
            size_t n = strlen(s->file[k].name);
            if (n < 3 || strcmp(s->file[k].name + n - 2, ".v") != 0) continue;
            snprintf(child, sizeof child, "%.*s", (int)n - 2, s->file[k].name);
            snprintf(instance, sizeof instance, "%s u_", child);
            if (strstr(s->file[i].text, instance)) mark(s, d, child, own && !is_unit(d, child));
        }
        return true;
    }
    return false;
}

int sources_open(sources_t *s, const design_t *d, const char *unit, const patch_t *patch, char *error)
{
    char folder[PATH_MAX_BYTES + 8], module[128];
    memset(s, 0, sizeof *s);
    snprintf(folder, sizeof folder, "%s/rtl", paths_data());
    snprintf(module, sizeof module, "%s_%s", d->name, unit);
    if (generate(d, folder, patch, collect, s, error)) return -1;
    if (mark(s, d, module, true)) return 0;
    snprintf(error, GENERATE_ERROR_MAX, "%s: no such module is generated", module);
    return -1;
}

void sources_close(sources_t *s)
{
    for (int i = 0; i < s->n; ++i) free(s->file[i].text);
    s->n = 0;
}
