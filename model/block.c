/* SPDX-License-Identifier: Apache-2.0 */
#include "block.h"

#include <stdlib.h>
#include <string.h>

const block_type_t *block_find(const char *name)
{
    for (const block_type_t *const *t = block_types; *t; ++t) {
        if (!strcmp((*t)->name, name)) return *t;
    }
    return NULL;
}

bool block_fits(const block_type_t *type, const design_t *d)
{
    return !type->fits || type->fits(d);
}

/* Behind an array: at least so many bytes, each of them this, which tells neighbours apart and is never 0. */
enum { GUARD_BYTES = 64 };

static unsigned char guard(int array)
{
    return (unsigned char)(0x81 | array << 1);
}

static size_t rounded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Cache-line aligned, so that the fast array model may use whole-vector loads. */
static void *allocate(size_t bytes, int array)
{
    size_t whole = rounded(bytes);
    char *p = aligned_alloc(64, whole + GUARD_BYTES);
    if (!p) return NULL;
    memset(p, 0, bytes);
    memset(p + bytes, guard(array), whole - bytes + GUARD_BYTES);
    return p;
}

static void **slot(const block_t *b, const signal_t *s)
{
    return (void **)((char *)b->self + s->field);
}

/* Calls back for each child that the design has. */
#define FOR_CHILDREN(c, parent, design)                                                                      \
    for (const block_child_t *c = (parent)->children; c && c->group; ++c)                                    \
        if (block_fits(c->type, design))

int block_signals(const block_type_t *type, const design_t *d, signal_t *table)
{
    int n = type->signals(d, table);
    FOR_CHILDREN(c, type, d)
    {
        signal_t ports[SIGNAL_MAX];
        int count = c->type->signals(d, ports);
        for (int i = 0; i < count; ++i) {
            if (ports[i].kind != SIGNAL_REG) continue;
            table[n] = ports[i];
            table[n].field += c->offset;
            table[n++].group = c->group;
        }
    }
    return n;
}

static void *own_array(block_t *b, size_t bytes)
{
    void *more = realloc(b->owned, (size_t)(b->n_owned + 1) * sizeof *b->owned);
    if (more) b->owned = more;
    void *p = more ? allocate(bytes, b->n_owned) : NULL;
    if (!p) return NULL;
    b->owned[b->n_owned].data = p;
    b->owned[b->n_owned++].bytes = bytes;
    return p;
}

/* Arrays for a child's ports and nets. */
static bool allocate_ports(block_t *b, const block_child_t *c)
{
    signal_t table[SIGNAL_MAX];
    int n = c->type->signals(b->design, table);
    for (int i = 0; i < n; ++i) {
        if (table[i].kind == SIGNAL_REG) continue;
        void *p = own_array(b, signal_count(&table[i]) * (size_t)signal_bytes(&table[i]));
        if (!p) return false;
        *(void **)((char *)b->self + c->offset + table[i].field) = p;
    }
    return true;
}

static bool allocate_all(block_t *b)
{
    for (int i = 0; i < b->signals; ++i) {
        const signal_t *s = &b->table[i];
        *slot(b, s) = own_array(b, signal_count(s) * (size_t)signal_bytes(s));
        if (!*slot(b, s)) return false;
    }
    FOR_CHILDREN(c, b->type, b->design)
    {
        if (!allocate_ports(b, c)) return false;
    }
    return true;
}

block_t *block_open(const block_type_t *type, const design_t *d)
{
    block_t *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    b->type = type;
    b->design = d;
    b->self = allocate(type->size, 0);
    if (!b->self) {
        free(b);
        return NULL;
    }
    b->signals = block_signals(type, d, b->table);
    if (!allocate_all(b)) {
        block_close(b);
        return NULL;
    }
    if (type->init) type->init(b->self, d); /* wires the children's ports, which these then hand on */
    FOR_CHILDREN(c, type, d)
    {
        if (c->type->init) c->type->init((char *)b->self + c->offset, d);
    }
    block_reset(b);
    return b;
}

void block_close(block_t *b)
{
    if (!b) return;
    for (int i = 0; i < b->n_owned; ++i) free(b->owned[i].data);
    free(b->owned);
    free(b->self);
    free(b);
}

bool block_intact(const block_t *b)
{
    for (int i = 0; i < b->n_owned; ++i) {
        const unsigned char *data = b->owned[i].data;
        size_t bytes = b->owned[i].bytes, end = rounded(bytes) + GUARD_BYTES;
        while (bytes < end && data[bytes] == guard(i)) ++bytes;
        if (bytes < end) return false;
    }
    return true;
}

void block_reset(block_t *b)
{
    for (int i = 0; i < b->signals; ++i) {
        const signal_t *s = &b->table[i];
        if (s->kind == SIGNAL_REG && !s->stored)
            memset(block_data(b, s), 0, signal_count(s) * (size_t)signal_bytes(s));
    }
    FOR_CHILDREN(c, b->type, b->design)
    {
        if (c->type->reset) c->type->reset((char *)b->self + c->offset);
    }
    if (b->type->reset) b->type->reset(b->self);
}

int64_t block_get(const block_t *b, const signal_t *s, size_t index)
{
    const void *data = block_data(b, s);
    switch (signal_bytes(s)) {
    case 1: return s->is_signed ? ((const int8_t *)data)[index] : ((const uint8_t *)data)[index];
    case 2: return s->is_signed ? ((const int16_t *)data)[index] : ((const uint16_t *)data)[index];
    case 4: return s->is_signed ? ((const int32_t *)data)[index] : (int64_t)((const uint32_t *)data)[index];
    default: return ((const int64_t *)data)[index];
    }
}

void block_set(block_t *b, const signal_t *s, size_t index, int64_t value)
{
    void *data = block_data(b, s);
    switch (signal_bytes(s)) {
    case 1: ((uint8_t *)data)[index] = (uint8_t)value; break;
    case 2: ((uint16_t *)data)[index] = (uint16_t)value; break;
    case 4: ((uint32_t *)data)[index] = (uint32_t)value; break;
    default: ((int64_t *)data)[index] = value;
    }
}

const signal_t *block_signal(const block_t *b, const char *name)
{
    const char *dot = strrchr(name, '.');
    for (int i = 0; i < b->signals; ++i) {
        const signal_t *s = &b->table[i];
        if (!s->group && !dot && !strcmp(s->name, name)) return s;
        if (!s->group || !dot || strlen(s->group) != (size_t)(dot - name)) continue;
        if (!strncmp(s->group, name, (size_t)(dot - name)) && !strcmp(s->name, dot + 1)) return s;
    }
    return NULL;
}
