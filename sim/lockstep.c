/* SPDX-License-Identifier: Apache-2.0 */
#include "lockstep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/hash.h"
#include "compare.h"
#include "random.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define EXTRACTS     __attribute__((target("bmi2")))
#define HAS_EXTRACTS __builtin_cpu_supports("bmi2")
#else
#define EXTRACTS
#define HAS_EXTRACTS false
#endif

/* How one signal lies in both sides. */
typedef struct {
    const signal_t *s;
    char *model;   /* elements */
    char **object; /* DUT storage, one a Verilog object */
    size_t objects, words, lanes;
    size_t element; /* model bytes of an element */
    size_t word;    /* DUT bytes of a word (of a whole object unless a memory) */
    bool direct;    /* a word's bytes are the model's bytes */
    bool rarely;    /* a stored memory too big for every cycle */
    /* Both for all words, one behind the other; big stored memories and memories that are direct have none.
     */
    char *previous; /* the model's bytes that the images show */
    char *image;    /* as the DUT holds it */
    char *scratch;  /* one word more */
} binding_t;

struct lockstep {
    block_t *model;
    dut_t dut;
    bool has_dut;
    int n;
    binding_t binding[SIGNAL_MAX];
    lockstep_count_t count;
    bool in_full;         /* the next comparison reads the big stored memories too */
    random_t garbage;     /* what stored memories hold at first */
    bool zeros;           /* nothing else */
    bool jumps;           /* event counters do now and then */
    toggle_t *toggle;     /* or NULL */
    const char *coverage; /* or NULL */
    int differences;
    difference_t difference[DIFFERENCES_MAX];
};

/* Verilator's storage of `bits` packed bits. */
static size_t word_bytes(size_t bits)
{
    if (bits <= 8) return 1;
    if (bits <= 16) return 2;
    if (bits <= 32) return 4;
    if (bits <= 64) return 8;
    return (bits + 31) / 32 * 4;
}

static uint64_t get_bits(const char *from, size_t at, int bits)
{
    uint64_t value = 0;
    for (int done = 0; done < bits;) {
        size_t byte = (at + (size_t)done) / 8;
        int offset = (int)((at + (size_t)done) % 8), n = 8 - offset < bits - done ? 8 - offset : bits - done;
        uint64_t mask = (UINT64_C(1) << n) - 1;
        value |= (((uint64_t)(unsigned char)from[byte] >> offset) & mask) << done;
        done += n;
    }
    return value;
}

/* Little-endian, as Verilator's own storage here; the sizes that are most of them without a call. */
static inline uint64_t load(const char *from, size_t bytes)
{
    uint64_t value = 0;
    switch (bytes) {
    case 1: memcpy(&value, from, 1); break;
    case 2: memcpy(&value, from, 2); break;
    case 4: memcpy(&value, from, 4); break;
    case 8: memcpy(&value, from, 8); break;
    default: memcpy(&value, from, bytes);
    }
    return value;
}

/* Elements of eight bytes of the model, cut to `bits` and pushed together. `named` has those bits. */
typedef uint64_t push_t(uint64_t eight, uint64_t named, int bits, int element);

/* Pairs, pairs of pairs, ... */
static inline uint64_t push_by_pairs(uint64_t eight, uint64_t named, int bits, int element)
{
    eight &= named;
    for (int place = 8 * element, width = bits; place < 64; place *= 2, width *= 2) {
        uint64_t low = 0;
        for (int at = 0; at < 64; at += 2 * place) low |= fixed_low(~UINT64_C(0), width) << at;
        eight = (eight & low) | (eight >> (place - width) & low << width);
    }
    return eight;
}

#if defined(__x86_64__)
EXTRACTS static inline uint64_t push_at_once(uint64_t eight, uint64_t named, int bits, int element)
{
    (void)bits, (void)element;
    return _pext_u64(eight, named);
}
#else
#define push_at_once push_by_pairs
#endif

/* The low bytes of a word, at most 8. */
static inline void store(char *to, uint64_t word, size_t bytes)
{
    switch (bytes) {
    case 0: break;
    case 1: memcpy(to, &word, 1); break;
    case 2: memcpy(to, &word, 2); break;
    case 4: memcpy(to, &word, 4); break;
    case 8: memcpy(to, &word, 8); break;
    default: memcpy(to, &word, bytes);
    }
}

/* A word of the DUT, of `size` bytes, from elements of `element` bytes, a constant at each call. */
static inline __attribute__((always_inline)) void
pack_elements(const char *model, size_t lanes, int bits, size_t element, push_t *push, char *to, size_t size)
{
    const char *end = to + size;
    const size_t together = 8 / element;
    uint64_t word = 0, named = 0;
    int filled = 0;
    for (size_t at = 0; at < 8; at += element) named |= fixed_low(~UINT64_C(0), bits) << 8 * at;
    for (size_t i = 0; i < lanes; i += together) {
        size_t n = lanes - i < together ? lanes - i : together;
        uint64_t value =
            n == together ? load(model + i * element, 8) : load(model + i * element, n * element);
        value = push(value, named, bits, (int)element);
        word |= value << filled;
        filled += bits * (int)n;
        if (filled < 64) continue;
        memcpy(to, &word, sizeof word);
        to += sizeof word;
        filled -= 64;
        word = filled ? value >> (bits * (int)n - filled) : 0;
    }
    store(to, word, (size_t)(end - to));
}

static inline __attribute__((always_inline)) void pack(const binding_t *b, const char *model, push_t *push,
                                                       char *to)
{
    switch (b->element) {
    case 1: pack_elements(model, b->lanes, b->s->bits, 1, push, to, b->word); break;
    case 2: pack_elements(model, b->lanes, b->s->bits, 2, push, to, b->word); break;
    case 4: pack_elements(model, b->lanes, b->s->bits, 4, push, to, b->word); break;
    default: pack_elements(model, b->lanes, b->s->bits, 8, push, to, b->word); break;
    }
}

/* Eight bytes at a time: model words are short. */
static inline __attribute__((always_inline)) bool is_same(const char *a, const char *b, size_t bytes)
{
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8) {
        if (load(a + i, 8) != load(b + i, 8)) return false;
    }
    for (; i < bytes; ++i) {
        if (a[i] != b[i]) return false;
    }
    return true;
}

static inline __attribute__((always_inline)) void copy(char *to, const char *from, size_t bytes)
{
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8) memcpy(to + i, from + i, 8);
    for (; i < bytes; ++i) to[i] = from[i];
}

/* Brings the images of word w and of those behind it up to date, as far as each has changed; returns how
 * many. */
static inline __attribute__((always_inline)) size_t pack_changed(binding_t *b, size_t w, push_t *push)
{
    const size_t bytes = b->lanes * b->element, words = b->objects * b->words, first = w;
    for (; w < words; ++w) {
        const char *now = b->model + w * bytes;
        char *before = b->previous + w * bytes;
        if (is_same(now, before, bytes)) break;
        copy(before, now, bytes);
        if (!b->direct) pack(b, now, push, b->image + w * b->word);
    }
    return w - first;
}

EXTRACTS static size_t pack_changed_fast(binding_t *b, size_t w)
{
    return pack_changed(b, w, push_at_once);
}

EXTRACTS static void pack_fast(const binding_t *b, const char *model, char *to)
{
    pack(b, model, push_at_once, to);
}

/* The DUT's image of one word of the model: most of a lockstep's work where elements are narrow and many. */
static void pack_word(const binding_t *b, const char *model, char *to)
{
    if (HAS_EXTRACTS)
        pack_fast(b, model, to);
    else
        pack(b, model, push_by_pairs, to);
}

/* ---- opening ---- */

static bool allocate_images(binding_t *b)
{
    size_t words = b->objects * b->words;
    b->object = calloc(b->objects, sizeof *b->object);
    b->scratch = calloc(1, b->word);
    if (!b->object || !b->scratch) return false;
    if (b->rarely || (b->direct && b->s->memory)) return true;
    b->image = calloc(words, b->word);
    b->previous = b->direct ? b->image : calloc(words, b->lanes * b->element);
    return b->image && b->previous;
}

static dut_status_t bind_objects(lockstep_t *l, binding_t *b, char error[DUT_ERROR_MAX])
{
    if (!allocate_images(b)) {
        snprintf(error, DUT_ERROR_MAX, "%s: out of memory", b->s->name);
        return DUT_BAD_INPUT;
    }
    for (size_t i = 0; i < b->objects; ++i) {
        char path[256];
        size_t bytes = 0, width = 0;
        if (b->s->path)
            signal_object_path(b->s, i, path, sizeof path);
        else
            signal_port(b->s, path);
        b->object[i] = l->dut.api->object(l->dut.instance, path, &bytes, &width);
        if (b->object[i] && bytes == b->word * b->words && width == b->lanes * (size_t)b->s->bits) continue;
        snprintf(error, DUT_ERROR_MAX,
                 "%s.%s: expected a Verilog object of %zu words of %zu bits, found %s (%zu)",
                 l->model->type->name, path, b->words, b->lanes * (size_t)b->s->bits,
                 b->object[i] ? "another size" : "none", width);
        return DUT_BAD_INPUT;
    }
    return DUT_OK;
}

static dut_status_t bind(lockstep_t *l, binding_t *b, const signal_t *s, char error[DUT_ERROR_MAX])
{
    b->s = s;
    if (!signal_codes_fit(s)) {
        snprintf(error, DUT_ERROR_MAX,
                 "%s.%s: expected 1 .. %lld codes, each with a weight, found %d codes, %zu weights",
                 l->model->type->name, s->name, 1LL << s->bits, s->codes,
                 s->weights ? strlen(s->weights) : 0);
        return DUT_BAD_INPUT;
    }
    b->model = block_data(l->model, s);
    b->objects = signal_objects(s);
    b->words = signal_words(s);
    b->lanes = signal_lanes(s);
    b->element = (size_t)signal_bytes(s);
    b->word = word_bytes(b->lanes * (size_t)s->bits);
    b->direct = (size_t)s->bits == 8 * b->element && b->lanes * b->element == b->word;
    b->rarely = s->stored && (b->objects * b->words * b->word > LOCKSTEP_STORED_SMALL ||
                              signal_count(s) > LOCKSTEP_STORED_SMALL);
    return l->has_dut ? bind_objects(l, b, error) : DUT_OK;
}

static dut_status_t choose_mutant(lockstep_t *l, int mutant, char error[DUT_ERROR_MAX])
{
    const uint16_t chosen = (uint16_t)mutant;
    size_t bytes = 0;
    void *port = l->dut.api->object(l->dut.instance, LOCKSTEP_MUTANT_PORT, &bytes, NULL);
    if (!port && !mutant) return DUT_OK;
    if (!port || bytes != sizeof chosen) {
        snprintf(error, DUT_ERROR_MAX,
                 "%s: expected a netlist with a port " LOCKSTEP_MUTANT_PORT " of %zu bytes",
                 l->model->type->name, sizeof chosen);
        return DUT_BAD_INPUT;
    }
    memcpy(port, &chosen, sizeof chosen);
    return DUT_OK;
}

static dut_status_t open_dut(lockstep_t *l, const lockstep_config_t *c, char error[DUT_ERROR_MAX])
{
    dut_status_t status;
    if (c->opened)
        status = dut_again(&l->dut, c->opened, c->x_seed, error);
    else if (c->coverage)
        status = dut_open_counting(&l->dut, c->design, c->unit, c->x_seed, error);
    else
        status = dut_open(&l->dut, c->design, c->unit, c->patch, c->x_seed, error);
    l->has_dut = !status;
    return !status && c->opened ? choose_mutant(l, c->mutant, error) : status;
}

dut_status_t lockstep_open(lockstep_t **out, const lockstep_config_t *config, char error[DUT_ERROR_MAX])
{
    lockstep_t *l = calloc(1, sizeof *l);
    dut_status_t status = DUT_OK;
    if (l) l->model = block_open(config->type, config->design);
    if (!l || !l->model) {
        snprintf(error, DUT_ERROR_MAX, "%s: out of memory", config->type->name);
        free(l);
        return DUT_BAD_INPUT;
    }
    if (config->unit) status = open_dut(l, config, error);
    l->count.hash = HASH_BASIS;
    l->garbage.state = config->x_seed;
    l->zeros = config->zeros;
    l->jumps = config->high_counters && l->has_dut && !config->type->show;
    l->toggle = config->toggle;
    l->coverage = config->coverage;
    l->n = l->model->signals;
    for (int i = 0; i < l->n && !status; ++i) {
        status = bind(l, &l->binding[i], &l->model->table[i], error);
        bool compared = l->model->table[i].kind != SIGNAL_IN && !l->binding[i].rarely;
        if (l->has_dut && compared) l->count.signals += signal_count(&l->model->table[i]);
    }
    if (status)
        lockstep_close(l);
    else
        *out = l;
    return status;
}

void lockstep_close(lockstep_t *l)
{
    if (!l) return;
    if (l->has_dut && l->coverage) l->dut.api->coverage(l->dut.instance, l->coverage);
    for (int i = 0; i < l->n; ++i) {
        free(l->binding[i].object);
        if (!l->binding[i].direct) free(l->binding[i].previous);
        free(l->binding[i].image);
        free(l->binding[i].scratch);
    }
    if (l->has_dut) dut_close(&l->dut);
    block_close(l->model);
    free(l);
}

/* ---- poking and comparing ---- */

/* Brings the images of all words up to date, only those that changed since the last time; returns how many.
 */
static size_t refresh(binding_t *b)
{
    const size_t bytes = b->lanes * b->element, words = b->objects * b->words;
    size_t changes = 0;
    for (size_t w = 0;;) {
        w = compare_next_change(b->model, b->previous, w, words, bytes);
        if (w == words) return changes;
        size_t run = HAS_EXTRACTS ? pack_changed_fast(b, w) : pack_changed(b, w, push_by_pairs);
        changes += run;
        w += run;
    }
}

static void poke(binding_t *b, bool always)
{
    if (!refresh(b) && !always) return;
    for (size_t i = 0; i < b->objects; ++i) memcpy(b->object[i], b->image + i * b->word, b->word);
}

static void note(lockstep_t *l, const signal_t *s, size_t index, uint64_t model, uint64_t dut)
{
    ++l->count.mismatches;
    if (l->differences < DIFFERENCES_MAX)
        l->difference[l->differences++] = (difference_t){s, index, model, dut};
}

/* Bits of a DUT word above its width, which nothing may set. */
static uint64_t stray_bits(const binding_t *b, const char *dut)
{
    size_t named = b->lanes * (size_t)b->s->bits, rest = 8 * b->word - named;
    return rest ? get_bits(dut, named, rest < 63 ? (int)rest : 63) : 0;
}

/* An element's bits as the model has to keep them: sign-extended where they are signed, else nothing above.
 */
static uint64_t kept(const binding_t *b, uint64_t bits)
{
    if (!b->s->is_signed) return bits;
    return fixed_low((uint64_t)fixed_wrap((int64_t)bits, b->s->bits), 8 * (int)b->element);
}

static void note_word(lockstep_t *l, const binding_t *b, size_t first, const char *dut)
{
    const char *model = b->model + first * b->element;
    for (size_t i = 0; i < b->lanes; ++i) {
        uint64_t whole = load(model + i * b->element, b->element), mine = fixed_low(whole, b->s->bits);
        uint64_t other = get_bits(dut, i * (size_t)b->s->bits, b->s->bits);
        if (whole != kept(b, other)) note(l, b->s, first + i, whole == kept(b, mine) ? mine : whole, other);
    }
    uint64_t stray = stray_bits(b, dut);
    if (stray) note(l, b->s, first + b->lanes - 1, 0, stray);
}

/* One register of a control block: there are hundreds. */
static void compare_scalar(lockstep_t *l, binding_t *b)
{
    uint64_t mine = load(b->model, b->element), before = load(b->previous, b->element);
    l->count.changes += mine != before;
    if (mine != before) memcpy(b->previous, b->model, b->element);
    uint64_t dut = load(b->object[0], b->word);
    if (mine != kept(b, dut) || fixed_low(mine, b->s->bits) != dut) note_word(l, b, 0, b->object[0]);
}

/* Objects of one element each: a PE's registers. */
static void compare_scalars(lockstep_t *l, binding_t *b)
{
    uint64_t mask = fixed_low(~UINT64_C(0), b->s->bits);
    l->count.changes += compare_changes(b->model, b->previous, b->objects, b->element);
    if (!compare_scalars_differ(b->model, b->object, b->objects, b->element, b->word, mask)) return;
    for (size_t i = 0; i < b->objects; ++i) note_word(l, b, i, b->object[i]);
}

/* Objects whose bytes are the model's bytes. */
static void compare_direct(lockstep_t *l, binding_t *b)
{
    l->count.changes += compare_changes(b->model, b->previous, b->objects, b->word);
    if (!compare_objects_differ(b->model, b->object, b->objects, b->word)) return;
    for (size_t i = 0; i < b->objects; ++i) note_word(l, b, i * b->lanes, b->object[i]);
}

static char *dut_word(const binding_t *b, size_t word)
{
    return b->object[word / b->words] + word % b->words * b->word;
}

static void note_words(lockstep_t *l, const binding_t *b)
{
    for (size_t w = 0; w < b->objects * b->words; ++w) note_word(l, b, w * b->lanes, dut_word(b, w));
}

static void compare_packed(lockstep_t *l, binding_t *b)
{
    size_t changes = refresh(b);
    if (!b->s->memory) l->count.changes += changes;
    if (compare_objects_differ(b->image, b->object, b->objects, b->words * b->word)) note_words(l, b);
}

/* Memories without an image. */
static void compare_direct_memory(lockstep_t *l, const binding_t *b)
{
    if (compare_objects_differ(b->model, b->object, b->objects, b->words * b->word)) note_words(l, b);
}

static void compare_rarely(lockstep_t *l, const binding_t *b)
{
    const size_t bytes = b->lanes * b->element;
    for (size_t k = 0; k < b->objects * b->words; ++k) {
        const char *dut = dut_word(b, k);
        pack_word(b, b->model + k * bytes, b->scratch);
        if (memcmp(b->scratch, dut, b->word)) note_word(l, b, k * b->lanes, dut);
    }
}

static void follow(lockstep_t *l, const binding_t *b)
{
    if (l->toggle) toggle_sample(l->toggle, (int)(b - l->binding), b->model);
}

static void compare(lockstep_t *l, binding_t *b)
{
    if (b->s->memory && b->direct)
        compare_direct_memory(l, b);
    else if (b->rarely)
        compare_rarely(l, b);
    else if (b->s->memory)
        compare_packed(l, b);
    else if (b->lanes == 1 && b->objects == 1)
        compare_scalar(l, b);
    else if (b->lanes == 1)
        compare_scalars(l, b);
    else if (b->direct)
        compare_direct(l, b);
    else
        compare_packed(l, b);
    l->count.bytes += b->objects * b->words * b->word;
    follow(l, b);
}

/* Compares all signals of the two kinds; true when nothing differs. */
static bool compare_kinds(lockstep_t *l, signal_kind_t a, signal_kind_t b)
{
    uint64_t before = l->count.mismatches;
    l->differences = 0;
    for (int i = 0; i < l->n; ++i) {
        binding_t *k = &l->binding[i];
        if ((k->s->kind != a && k->s->kind != b) || (k->rarely && !l->in_full)) continue;
        compare(l, k);
    }
    return l->count.mismatches == before;
}

static void hash_outputs(lockstep_t *l)
{
    uint64_t h = l->count.hash;
    for (int i = 0; i < l->n; ++i) {
        const signal_t *s = l->binding[i].s;
        if (s->kind != SIGNAL_OUT) continue;
        size_t count = signal_count(s);
        for (size_t k = 0; k < count; ++k) {
            h = hash_word(h, fixed_low((uint64_t)block_get(l->model, s, k), s->bits));
        }
    }
    l->count.hash = h;
}

void lockstep_show(lockstep_t *l)
{
    if (l->model->type->show) l->model->type->show(l->model->self);
}

/* ---- stored memories, which have no reset: both sides start with the same words, different for each seed
 * ---- */

static void set_element(lockstep_t *l, const binding_t *b, size_t i, uint64_t bits)
{
    block_set(l->model, b->s, i, b->s->is_signed ? fixed_wrap((int64_t)bits, b->s->bits) : (int64_t)bits);
}

static void write_dut(lockstep_t *l, const binding_t *b)
{
    for (size_t w = 0; l->has_dut && w < b->objects * b->words; ++w) {
        pack_word(b, b->model + w * b->lanes * b->element, b->scratch);
        memcpy(dut_word(b, w), b->scratch, b->word);
    }
}

static void fill_stored(lockstep_t *l, const binding_t *b)
{
    size_t count = signal_count(b->s);
    for (size_t i = 0; i < count; ++i) {
        uint64_t word = l->zeros ? 0 : random_bits(&l->garbage);
        set_element(l, b, i, fixed_low(word, b->s->bits));
    }
    write_dut(l, b);
}

static void read_dut(lockstep_t *l, const binding_t *b)
{
    size_t count = signal_count(b->s);
    for (size_t i = 0; i < count; ++i) {
        set_element(l, b, i,
                    get_bits(dut_word(b, i / b->lanes), i % b->lanes * (size_t)b->s->bits, b->s->bits));
    }
}

/* Calls back for each stored memory; true when there are any. */
static bool each_stored(lockstep_t *l, void (*call)(lockstep_t *l, const binding_t *b))
{
    bool any = false;
    for (int i = 0; i < l->n; ++i) {
        if (!l->binding[i].s->stored) continue;
        call(l, &l->binding[i]);
        any = true;
    }
    return any;
}

/* ---- event counters, which no run fills ---- */

/* All ones but a bit, but some low ones, or but 0 to 3: the next events show carries and the end. */
static uint64_t high_count(random_t *r, int bits)
{
    uint64_t bit = UINT64_C(1) << random_below(r, bits);
    switch (random_below(r, 3)) {
    case 0: return fixed_low(~bit, bits);
    case 1: return fixed_low(~(random_bits(r) & (bit - 1)), bits);
    default: return fixed_low(~(uint64_t)random_below(r, 4), bits);
    }
}

static void raise_counter(lockstep_t *l, const binding_t *b)
{
    size_t count = signal_count(b->s);
    for (size_t i = 0; i < count; ++i) set_element(l, b, i, high_count(&l->garbage, b->s->bits));
    write_dut(l, b);
}

/* A parent's own logic may read a child's counters, so only those without a group. */
static void each_counter(lockstep_t *l, void (*call)(lockstep_t *l, const binding_t *b))
{
    for (int i = 0; i < l->n; ++i) {
        if (l->binding[i].s->counts && !l->binding[i].s->group) call(l, &l->binding[i]);
    }
}

bool lockstep_reset(lockstep_t *l)
{
    block_reset(l->model);
    for (int i = 0; i < l->n && l->has_dut; ++i) {
        if (l->binding[i].s->kind == SIGNAL_IN) poke(&l->binding[i], true);
    }
    if (l->has_dut) l->dut.api->reset(l->dut.instance);
    bool stored = each_stored(l, fill_stored);
    if (!l->has_dut) return true;
    /* A second reset lets the DUT see what it holds now, and its edge may still write what the inputs say. */
    if (stored) l->dut.api->reset(l->dut.instance);
    each_stored(l, read_dut);
    lockstep_show(l);
    if (l->toggle) toggle_begin(l->toggle);
    if (l->coverage) l->dut.api->coverage(l->dut.instance, NULL);
    return compare_kinds(l, SIGNAL_REG, SIGNAL_REG);
}

static void poke_inputs(lockstep_t *l)
{
    for (int i = 0; i < l->n; ++i) {
        if (l->binding[i].s->kind != SIGNAL_IN) continue;
        poke(&l->binding[i], false);
        follow(l, &l->binding[i]);
    }
}

bool lockstep_settle(lockstep_t *l)
{
    if (l->has_dut) poke_inputs(l); /* before the model, which might write them */
    l->model->type->eval(l->model->self);
    if (!l->has_dut) return true;
    l->dut.api->eval(l->dut.instance);
    hash_outputs(l);
    return compare_kinds(l, SIGNAL_OUT, SIGNAL_NET);
}

bool lockstep_edge(lockstep_t *l)
{
    bool jump = l->jumps && l->count.cycles % LOCKSTEP_JUMP_PERIOD == LOCKSTEP_JUMP_PERIOD - 1;
    if (jump) each_counter(l, raise_counter);
    l->model->type->tick(l->model->self);
    ++l->count.cycles;
    if (!l->has_dut) return true;
    l->dut.api->tick(l->dut.instance);
    if (jump) each_counter(l, read_dut);
    lockstep_show(l);
    l->in_full = l->count.cycles % LOCKSTEP_STORED_PERIOD == 0;
    bool equal = compare_kinds(l, SIGNAL_REG, SIGNAL_REG);
    l->in_full = false;
    return equal;
}

bool lockstep_compare_stored(lockstep_t *l)
{
    uint64_t before = l->count.mismatches;
    if (!l->has_dut) return true;
    lockstep_show(l);
    l->differences = 0;
    for (int i = 0; i < l->n; ++i) {
        if (l->binding[i].rarely) compare(l, &l->binding[i]);
    }
    return l->count.mismatches == before;
}

bool lockstep_step(lockstep_t *l)
{
    return lockstep_settle(l) && lockstep_edge(l);
}

void lockstep_step_model(lockstep_t *l)
{
    l->model->type->eval(l->model->self);
    l->model->type->tick(l->model->self);
}

void lockstep_step_dut(lockstep_t *l)
{
    poke_inputs(l);
    l->dut.api->eval(l->dut.instance);
    l->dut.api->tick(l->dut.instance);
}

block_t *lockstep_model(const lockstep_t *l)
{
    return l->model;
}
const lockstep_count_t *lockstep_count(const lockstep_t *l)
{
    return &l->count;
}

int lockstep_differences(const lockstep_t *l, const difference_t **out)
{
    *out = l->difference;
    return l->differences;
}

uint64_t lockstep_dut_bits(const lockstep_t *l, const signal_t *s, size_t index)
{
    const binding_t *b = &l->binding[s - l->model->table];
    size_t word = index / b->lanes, lane = index % b->lanes;
    const char *at = b->object[word / b->words] + word % b->words * b->word;
    return get_bits(at, lane * (size_t)s->bits, s->bits);
}
