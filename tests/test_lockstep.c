/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Would the lockstep see it? Bits are flipped in the DUT's own storage, behind its back: the linker puts
 * __wrap_dut_open between lockstep and plug-in, and every call into the plug-in passes through here.
 */
#include "../sim/lockstep.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/pack.h"
#include "../sim/cosim.h"
#include "../sim/paths.h"
#include "../sim/random.h"
#include "../sim/report.h"

/* ck_assert_msg reports to its runner each time it holds: too slow for many of them. */
#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

enum { SEED = 11, X_SEEDS = 5 };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* ---- between lockstep and plug-in ---- */

typedef enum { AFTER_RESET, AFTER_EVAL, AFTER_TICK } moment_t;

/* One bit to flip in the storage of one Verilog object. */
typedef struct {
    bool armed, stays; /* stays: at every such moment, not once */
    moment_t when;
    const char *path, *also; /* also: the same bit of another object, or NULL */
    size_t bit;
    int resets, resets_needed; /* since armed; of the unit */
} flip_t;

static dut_t between; /* the plug-in that was opened last, as it is */
static plugin_t shim;
static flip_t flip;

static char *storage(const char *path, size_t *bytes)
{
    char *object = between.api->object(between.instance, path, bytes, NULL);
    demand(object, "%s: no such object", path);
    return object;
}

static void flip_bit(const char *path, size_t bit)
{
    size_t bytes = 0;
    char *object = storage(path, &bytes);
    demand(bit < 8 * bytes, "%s: bit %zu of %zu bytes", path, bit, bytes);
    object[bit / 8] = (char)(object[bit / 8] ^ (1 << bit % 8));
}

static void moment(moment_t now)
{
    if (!flip.armed || flip.when != now) return;
    flip_bit(flip.path, flip.bit);
    if (flip.also) flip_bit(flip.also, flip.bit);
    flip.armed = flip.stays;
}

/* A unit with stored memories is reset twice: what is flipped between is reset again. */
static void shim_reset(void *instance)
{
    between.api->reset(instance);
    if (++flip.resets >= flip.resets_needed) moment(AFTER_RESET);
}
static void shim_eval(void *instance)
{
    between.api->eval(instance);
    moment(AFTER_EVAL);
}
static void shim_tick(void *instance)
{
    between.api->tick(instance);
    moment(AFTER_TICK);
}

dut_status_t __real_dut_open(dut_t *dut, const design_t *d, const char *unit, const patch_t *patch,
                             uint64_t x_seed, char *error);
dut_status_t __wrap_dut_open(dut_t *dut, const design_t *d, const char *unit, const patch_t *patch,
                             uint64_t x_seed, char *error);

dut_status_t __wrap_dut_open(dut_t *dut, const design_t *d, const char *unit, const patch_t *patch,
                             uint64_t x_seed, char *error)
{
    dut_status_t status = __real_dut_open(dut, d, unit, patch, x_seed, error);
    if (status) return status;
    between = *dut;
    shim = *between.api;
    shim.reset = shim_reset;
    shim.eval = shim_eval;
    shim.tick = shim_tick;
    dut->api = &shim;
    return DUT_OK;
}

/* ---- one run ---- */

typedef struct {
    const design_t *design;
    const block_type_t *type;
    lockstep_t *l;
    stimulus_t *stimulus;
    random_t random;
    uint64_t x_seed;
    int cycle;
} bench_t;

static bench_t bench_open(const design_t *d, const block_type_t *type, uint64_t x_seed)
{
    bench_t b = {.design = d, .type = type, .random = {SEED}, .x_seed = x_seed};
    const lockstep_config_t config = {.design = d, .type = type, .unit = type->name, .x_seed = x_seed};
    char error[DUT_ERROR_MAX] = "";
    memset(&flip, 0, sizeof flip);
    demand(!lockstep_open(&b.l, &config, error), "%s of %s: %s", type->name, d->name, error);
    b.stimulus = stimulus_open(STIMULUS_ILLEGAL, SEED, lockstep_model(b.l));
    demand(b.stimulus, "%s: out of memory", type->name);
    return b;
}

static void bench_close(bench_t *b)
{
    stimulus_close(b->stimulus);
    lockstep_close(b->l);
}

static void must_hold(bench_t *b, bool holds, const char *what)
{
    demand(holds, "%s of %s, seed %d, x seed %" PRIu64 ", cycle %d: %s differs without a cause",
           b->type->name, b->design->name, SEED, b->x_seed, b->cycle, what);
}

static void run_clean(bench_t *b, int cycles)
{
    for (int i = 0; i < cycles; ++i, ++b->cycle) {
        stimulus_next(b->stimulus);
        must_hold(b, lockstep_step(b->l), "a cycle");
    }
}

/* ---- a flipped bit is found where and when it is ---- */

/* What was flipped, by how the DUT keeps it; each kind must occur. */
typedef struct {
    int scalar, packed, wide, memory, odd_top, net, out, reset, fast;
} kinds_t;

static void count_kind(kinds_t *k, const signal_t *s, int bit)
{
    size_t lanes = signal_lanes(s), bits = lanes * (size_t)s->bits;
    k->scalar += !s->memory && lanes == 1 && s->kind == SIGNAL_REG;
    k->packed += !s->memory && lanes > 1 && bits <= 64;
    k->wide += !s->memory && lanes > 1 && bits > 64;
    k->memory += s->memory;
    k->odd_top += s->bits % 8 != 0 && bit == s->bits - 1;
    k->net += s->kind == SIGNAL_NET;
    k->out += s->kind == SIGNAL_OUT;
    k->reset += flip.when == AFTER_RESET;
}

/* The object's path, and the bit of its storage that is bit `bit` of element `index`. */
static size_t locate(const signal_t *s, size_t index, int bit, char *path, size_t n)
{
    size_t lanes = signal_lanes(s), words = signal_words(s), bytes = 0;
    if (s->path)
        signal_object_path(s, index / lanes / words, path, n);
    else
        signal_port(s, path);
    storage(path, &bytes);
    return index / lanes % words * (bytes / words) * 8 + index % lanes * (size_t)s->bits + (size_t)bit;
}

/* The last compare found that very bit and nothing else. */
static void check_found(bench_t *b, const signal_t *s, size_t index, int bit, bool equal, uint64_t before)
{
    const difference_t *x;
    char name[SIGNAL_NAME_MAX], where[256];
    snprintf(where, sizeof where, "%s of %s, seed %d, cycle %d, %s bit %d", b->type->name, b->design->name,
             SEED, b->cycle, signal_element_name(s, index, name), bit);
    demand(!equal, "%s: not found", where);
    int n = lockstep_differences(b->l, &x);
    demand(n == 1, "%s: %d differences", where, n);
    demand(lockstep_count(b->l)->mismatches == before + 1, "%s: counted wrongly", where);
    demand(x->signal == s && x->index == index, "%s: found in %s, element %zu", where, x->signal->name,
           x->index);
    uint64_t model = fixed_low((uint64_t)block_get(lockstep_model(b->l), s, index), s->bits);
    demand(x->model == model, "%s: model's value %" PRIx64, where, x->model);
    demand(x->dut == (model ^ UINT64_C(1) << bit), "%s: DUT's value %" PRIx64, where, x->dut);
    demand(lockstep_dut_bits(b->l, s, index) == x->dut, "%s: another value for reports", where);
}

static void arm(moment_t when, const char *path, size_t bit)
{
    flip =
        (flip_t){.armed = true, .when = when, .path = path, .bit = bit, .resets_needed = flip.resets_needed};
}

/* One cycle with one flip, which is taken back before anything is calculated from it. */
static void flip_in_cycle(bench_t *b, const signal_t *s, size_t index, int bit, kinds_t *kinds)
{
    char path[256];
    size_t at = locate(s, index, bit, path, sizeof path);
    bool is_reg = s->kind == SIGNAL_REG;
    uint64_t before = lockstep_count(b->l)->mismatches;
    stimulus_next(b->stimulus);
    arm(is_reg ? AFTER_TICK : AFTER_EVAL, path, at);
    bool equal = lockstep_settle(b->l);
    if (!is_reg) {
        check_found(b, s, index, bit, equal, before);
        flip_bit(path, at);
    } else {
        must_hold(b, equal, "an output");
    }
    equal = lockstep_edge(b->l);
    if (is_reg) {
        check_found(b, s, index, bit, equal, before);
        flip_bit(path, at);
    } else {
        must_hold(b, equal, "a register");
    }
    demand(!flip.armed, "%s: nothing was flipped", path);
    count_kind(kinds, s, bit);
    ++b->cycle;
}

static void flip_in_reset(bench_t *b, const signal_t *s, size_t index, int bit, kinds_t *kinds)
{
    char path[256];
    size_t at = locate(s, index, bit, path, sizeof path);
    uint64_t before = lockstep_count(b->l)->mismatches;
    arm(AFTER_RESET, path, at);
    check_found(b, s, index, bit, lockstep_reset(b->l), before);
    count_kind(kinds, s, bit);
    must_hold(b, lockstep_reset(b->l), "the state after reset");
}

/* First, last and some elements; lowest, highest and some bits. */
static void flip_signal(bench_t *b, const signal_t *s, kinds_t *kinds)
{
    int64_t count = (int64_t)signal_count(s);
    const int64_t index[] = {0, count - 1, random_below(&b->random, count), random_below(&b->random, count)};
    for (int i = 0; i < 4; ++i) {
        const int bits[] = {0, s->bits - 1, (int)random_below(&b->random, s->bits)};
        for (int k = 0; k < 3; ++k) flip_in_cycle(b, s, (size_t)index[i], bits[k], kinds);
        if (s->kind == SIGNAL_REG && !s->stored) flip_in_reset(b, s, (size_t)index[i], bits[i % 3], kinds);
    }
    run_clean(b, 3);
}

static void flip_unit(const design_t *d, const block_type_t *type, kinds_t *kinds)
{
    bench_t b = bench_open(d, type, SEED);
    const block_t *model = lockstep_model(b.l);
    flip.resets_needed = 1;
    for (int i = 0; i < model->signals; ++i) {
        if (model->table[i].stored) flip.resets_needed = 2;
    }
    must_hold(&b, lockstep_reset(b.l), "the state after reset");
    run_clean(&b, 60);
    for (int i = 0; i < model->signals; ++i) {
        if (model->table[i].kind != SIGNAL_IN) flip_signal(&b, &model->table[i], kinds);
    }
    run_clean(&b, 60);
    bench_close(&b);
}

/* The small designs, those with travelling control too, and one whose words are the fast model's own,
   compared without packing: rows of more than 64 bytes that do not end with the widest vector. */
static design_t flip_design(int i)
{
    static const char *const names[] = {"odd_5x7x3", "published_8x8", "odd_5x7x3_travelling"};
    if (i < 3) return load(names[i]);
    design_t d = load("paper_64x16_array");
    snprintf(d.name, sizeof d.name, "wide_3x48x16");
    d.rows = 3;
    d.columns = 48;
    return d;
}

/* Every unit; of the wide design only those that have a fast model, which is flipped too. */
static void flip_design_units(const design_t *d, bool wide, kinds_t *kinds)
{
    for (const block_type_t *const *t = block_types; *t; ++t) {
        const block_type_t *fast = block_fast(*t, d);
        if (!block_fits(*t, d)) continue;
        if (fast || !wide) flip_unit(d, *t, kinds);
        if (fast) flip_unit(d, fast, kinds), ++kinds->fast;
    }
}

START_TEST(every_flipped_bit_is_found)
{
    kinds_t k = {0};
    for (int i = 0; i < 4; ++i) {
        design_t d = flip_design(i);
        flip_design_units(&d, i == 3, &k);
    }
    printf("flipped: %d scalar, %d packed, %d wide, %d memory, %d odd top bits, %d nets, %d outputs, "
           "%d after reset; %d fast models\n",
           k.scalar, k.packed, k.wide, k.memory, k.odd_top, k.net, k.out, k.reset, k.fast);
    ck_assert(k.scalar && k.packed && k.wide && k.memory && k.odd_top && k.net && k.out && k.reset && k.fast);
}
END_TEST

/* Two objects with the same bit wrong: a comparison that folds differences together may lose both. */
START_TEST(equal_differences_do_not_cancel)
{
    static const char *const pairs[][2] = {{"g_pe[0].u_pe.acc_q", "g_pe[1].u_pe.acc_q"},
                                           {"g_pe[0].u_pe.acc_q", "g_pe[2].u_pe.acc_q"},
                                           {"g_pe[1].u_pe.sat_q", "g_pe[2].u_pe.sat_q"}};
    design_t d = load("odd_5x7x3");
    bench_t b = bench_open(&d, block_find("pe_row"), SEED);
    const difference_t *x;
    must_hold(&b, lockstep_reset(b.l), "the state after reset");
    for (int i = 0; i < 3; ++i, ++b.cycle) {
        run_clean(&b, 5);
        stimulus_next(b.stimulus);
        must_hold(&b, lockstep_settle(b.l), "an output");
        flip = (flip_t){.armed = true, .when = AFTER_TICK, .path = pairs[i][0], .also = pairs[i][1]};
        demand(!lockstep_edge(b.l), "%s and %s: not found", pairs[i][0], pairs[i][1]);
        ck_assert_int_eq(lockstep_differences(b.l, &x), 2);
        flip_bit(pairs[i][0], 0);
        flip_bit(pairs[i][1], 0);
    }
    run_clean(&b, 5);
    bench_close(&b);
}
END_TEST

/* ---- reset ---- */

/* The registers as they are in the DUT, folded to one number. */
static uint64_t state_of(const bench_t *b)
{
    const block_t *model = lockstep_model(b->l);
    uint64_t h = 0;
    for (int i = 0; i < model->signals; ++i) {
        const signal_t *s = &model->table[i];
        if (s->kind != SIGNAL_REG || s->stored) continue; /* which keep what they held */
        for (size_t k = 0; k < signal_count(s); ++k)
            h = h * UINT64_C(0x100000001b3) + lockstep_dut_bits(b->l, s, k) + 1;
    }
    return h;
}

static int registers(const block_type_t *type, const design_t *d)
{
    signal_t table[SIGNAL_MAX];
    int n = type->signals(d, table), count = 0;
    for (int i = 0; i < n; ++i) count += table[i].kind == SIGNAL_REG && !table[i].stored;
    return count;
}

static void reset_unit(const design_t *d, const block_type_t *type)
{
    uint64_t before[X_SEEDS], after = 0;
    for (int i = 0; i < X_SEEDS; ++i) {
        bench_t b = bench_open(d, type, (uint64_t)(2 * i + 1));
        before[i] = state_of(&b);
        must_hold(&b, lockstep_reset(b.l), "the state after reset");
        demand(!i || state_of(&b) == after, "%s of %s: x seed %d leaves another state", type->name, d->name,
               2 * i + 1);
        after = state_of(&b);
        run_clean(&b, 100);
        must_hold(&b, lockstep_reset(b.l), "the state after a later reset");
        run_clean(&b, 20);
        bench_close(&b);
    }
    bool alike = true;
    for (int i = 1; i < X_SEEDS; ++i) alike &= before[i] == before[0];
    demand(!alike, "%s of %s: powers up alike for each x seed, so nothing shows that reset does its work",
           type->name, d->name);
}

START_TEST(reset_leaves_one_state_whatever_was_before)
{
    design_t d = load("odd_5x7x3");
    int units = 0;
    for (const block_type_t *const *t = block_types; *t; ++t) {
        if (!block_fits(*t, &d) || !registers(*t, &d)) continue;
        reset_unit(&d, *t);
        ++units;
    }
    ck_assert_int_gt(units, 0);
}
END_TEST

/* What a run prints, and what its report does. */
static char *report_of(const cosim_config_t *c, cosim_result_t *r)
{
    char *text = NULL, error[DUT_ERROR_MAX] = "";
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    dut_status_t status = cosim_run(c, NULL, NULL, r, error);
    demand(out && !status, "%s", error);
    report_line(out, c, status, r);
    if (r->diverged) demand(!report_divergence(c, r, out, error), "%s", error);
    fclose(out);
    return text;
}

START_TEST(a_reset_mismatch_is_reported)
{
    design_t d = load("odd_5x7x3");
    const cosim_config_t c = {.design = &d, .design_name = "odd_5x7x3", .unit = "pe", .seed = 1, .cycles = 9};
    cosim_result_t r;
    flip = (flip_t){.armed = true, .stays = true, .when = AFTER_RESET, .path = "score_q", .bit = 3};
    char *text = report_of(&c, &r);
    memset(&flip, 0, sizeof flip);
    ck_assert(r.diverged);
    ck_assert_uint_eq(r.cycle, COSIM_RESET);
    ck_assert_uint_eq(r.count.cycles, 0);
    ck_assert_msg(!strncmp(text, "FAIL ", 5), "%s", text);
    ck_assert_msg(strstr(text, "MISMATCH pe cycle=reset"), "%s", text);
    ck_assert_msg(strstr(text, "signal=score_q kind=reg model=0x0 (0) dut=0x8 "), "%s", text);
    free(text);
}
END_TEST

/* ---- nothing compared is no pass ---- */

START_TEST(zero_cycles_are_vacuous)
{
    design_t d = load("odd_5x7x3");
    cosim_config_t c = {.design = &d, .design_name = "odd_5x7x3", .unit = "pe", .seed = 1};
    cosim_result_t r;
    char *text = report_of(&c, &r);
    ck_assert(!r.diverged);
    ck_assert_str_eq(r.vacuous, "cycles");
    ck_assert_msg(!strncmp(text, "FAIL ", 5) && strstr(text, "\nVACUOUS pe "), "%s", text);
    free(text);
    c.cycles = 50;
    text = report_of(&c, &r);
    ck_assert_str_eq(r.vacuous, "");
    ck_assert_msg(!strncmp(text, "PASS ", 5), "%s", text);
    free(text);
}
END_TEST

/* ---- the model's own arrays ---- */

static size_t write_field;

static void eval_and_write_behind_an_array(void *self)
{
    pack_type.eval(self);
    (*(int64_t **)((char *)self + write_field))[1] = 1;
}

START_TEST(a_write_behind_an_array_is_a_mismatch)
{
    design_t d = load("odd_5x7x3");
    block_type_t type = pack_type;
    cosim_config_t c = {
        .design = &d, .design_name = "odd_5x7x3", .unit = "pack", .seed = 1, .cycles = 50, .model = &type};
    cosim_result_t r;
    char *text = report_of(&c, &r);
    ck_assert_msg(!strncmp(text, "PASS ", 5), "%s", text);
    free(text);
    block_t *b = block_open(&type, &d);
    write_field = block_signal(b, "write")->field;
    block_close(b);
    type.eval = eval_and_write_behind_an_array;
    text = report_of(&c, &r);
    ck_assert_msg(!strncmp(text, "FAIL ", 5), "%s", text);
    ck_assert_msg(strstr(text, "the model wrote outside one of its arrays"), "%s", text);
    ck_assert_uint_eq(r.count.mismatches, 1);
    free(text);
}
END_TEST

START_TEST(each_zero_count_is_vacuous)
{
    cosim_result_t full = {.count = {.cycles = 1, .signals = 1, .bytes = 1, .changes = 1}}, r = full;
    cosim_check_vacuous(&r);
    ck_assert_str_eq(r.vacuous, "");
    r = full, r.count.cycles = 0, cosim_check_vacuous(&r);
    ck_assert_str_eq(r.vacuous, "cycles");
    r = full, r.count.signals = 0, cosim_check_vacuous(&r);
    ck_assert_str_eq(r.vacuous, "signals");
    r = full, r.count.bytes = 0, cosim_check_vacuous(&r);
    ck_assert_str_eq(r.vacuous, "bytes");
    r = full, r.count.changes = 0, cosim_check_vacuous(&r);
    ck_assert_str_eq(r.vacuous, "changes");
}
END_TEST

START_TEST(counts_are_what_was_compared)
{
    design_t d = load("odd_5x7x3");
    bench_t b = bench_open(&d, block_find("delay_line"), SEED);
    const block_t *model = lockstep_model(b.l);
    uint64_t elements = 0;
    for (int i = 0; i < model->signals; ++i) {
        if (model->table[i].kind != SIGNAL_IN) elements += signal_count(&model->table[i]);
    }
    must_hold(&b, lockstep_reset(b.l), "the state after reset");
    uint64_t bytes = lockstep_count(b.l)->bytes;
    run_clean(&b, 40);
    const lockstep_count_t *n = lockstep_count(b.l);
    ck_assert_uint_eq(n->cycles, 40);
    ck_assert_uint_eq(n->signals, elements);
    /* 3 x 27 bits in 12 bytes: four words of the memory, one of taps; one byte of pointer */
    ck_assert_uint_eq(n->bytes - bytes, 40 * (4 * 12 + 12 + 1));
    ck_assert_uint_gt(n->changes, 0);
    ck_assert_uint_eq(n->mismatches, 0);
    bench_close(&b);
}
END_TEST

/* ---- tables that do not fit ---- */

/* What is wrong with the entry `name`. */
static struct {
    const block_type_t *type;
    const char *name, *path;
    int more_bits, more_elements, codes;
    const char *weights;
} wrong;

static int wrong_signals(const design_t *d, signal_t *table)
{
    int n = wrong.type->signals(d, table), hits = 0;
    for (int i = 0; i < n; ++i) {
        if (strcmp(table[i].name, wrong.name) != 0) continue;
        if (wrong.path) table[i].path = wrong.path;
        table[i].bits += wrong.more_bits;
        if (wrong.codes) table[i].codes = wrong.codes, table[i].weights = wrong.weights;
        if (wrong.more_elements) table[i].n[0] += wrong.more_elements;
        ++hits;
    }
    demand(hits == 1, "%s: no such entry", wrong.name);
    return n;
}

/* Opens with the wrong entry: an error that names the unit, the object and what was found. */
static void check_refused(const char *object, const char *found)
{
    design_t d = load("odd_5x7x3");
    block_type_t type = *wrong.type;
    type.signals = wrong_signals;
    const lockstep_config_t config = {.design = &d, .type = &type, .unit = type.name, .x_seed = SEED};
    char error[DUT_ERROR_MAX] = "";
    lockstep_t *l = NULL;
    dut_status_t status = lockstep_open(&l, &config, error);
    demand(status == DUT_BAD_INPUT && !l, "%s: status %d: %s", object, (int)status, error);
    demand(strstr(error, type.name) && strstr(error, object) && strstr(error, found), "%s: %s", object,
           error);
    demand(!strchr(error, '\n'), "more than one line: %s", error);
}

START_TEST(an_unbound_entry_is_refused)
{
    wrong.type = block_find("pe");
    wrong.name = "acc_q", wrong.path = "acc_p", wrong.more_bits = 0, wrong.more_elements = 0;
    check_refused("acc_p", "found none");
    wrong.path = "u_none.acc_q";
    check_refused("u_none.acc_q", "found none");
    wrong.path = NULL, wrong.more_bits = 6; /* 33 */
    check_refused("acc_q", "another size");
    wrong.more_bits = -11; /* 16 */
    check_refused("acc_q", "another size");
    wrong.name = "a", wrong.more_bits = 4; /* a port: 17 */
    check_refused("a_i", "another size");
    wrong.type = block_find("delay_line");
    wrong.name = "line_q", wrong.more_bits = 0, wrong.more_elements = 1; /* a word too many */
    check_refused("line_q", "another size");
}
END_TEST

/* One bit more or less fits the same storage, and the bit that is forgotten may be one that no run reaches.
 */
START_TEST(an_entry_of_another_width_is_refused)
{
    wrong.type = block_find("pe");
    wrong.path = NULL, wrong.more_elements = 0;
    for (int more = -1; more <= 1; more += 2) {
        wrong.more_bits = more;
        wrong.name = "acc_q"; /* 27 */
        check_refused("acc_q", "another size (27)");
        wrong.name = "a"; /* 13, a port */
        check_refused("a_i", "another size (13)");
    }
    wrong.type = block_find("delay_line");
    wrong.name = "line_q", wrong.more_bits = -1; /* 3 x 27 */
    check_refused("line_q", "another size (81)");
}
END_TEST

/* Stimulus would never draw a code, or draw one that the port cannot carry. */
START_TEST(codes_that_no_input_has_are_refused)
{
    wrong.type = block_find("pe");
    wrong.name = "sel", wrong.path = NULL, wrong.more_bits = 0, wrong.more_elements = 0;
    wrong.codes = 1, wrong.weights = "1";
    check_refused("sel", "1 codes");
    wrong.codes = 3, wrong.weights = NULL;
    check_refused("sel", "3 codes");
    wrong.codes = 2, wrong.weights = "1";
    check_refused("sel", "1 weights");
    wrong.codes = 0, wrong.weights = NULL;
}
END_TEST

/* A size of 1 leaves an input one code. */
START_TEST(codes_fit_in_every_design)
{
    static const char *const names[] = {"paper_64x16",
                                        "paper_64x16_array",
                                        "published_8x8",
                                        "published_16x16x4",
                                        "odd_5x7x3",
                                        "one_pe_6x5x1",
                                        "full_4x4x4",
                                        "ties_7x9x3",
                                        "one_pe_6x5x1_travelling",
                                        "full_4x4x4_travelling",
                                        "paper_64x32"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        design_t d = load(names[i]);
        for (const block_type_t *const *t = block_types; *t; ++t) {
            signal_t table[SIGNAL_MAX];
            int n = block_fits(*t, &d) ? (*t)->signals(&d, table) : 0;
            for (int k = 0; k < n; ++k)
                demand(signal_codes_fit(&table[k]), "%s.%s of %s", (*t)->name, table[k].name, names[i]);
        }
    }
}
END_TEST

/* ---- the hash of outputs ---- */

/* A model that is wrong in one bit of one output, in one cycle. */
static struct {
    const block_type_t *type;
    int cycle, at; /* now, and where it goes wrong; -1: nowhere */
    const signal_t *signal;
    size_t index;
    int bit;
    const block_t *block;
} bent;

static void bent_eval(void *self)
{
    bent.type->eval(self);
    if (bent.cycle != bent.at) return;
    uint64_t value = (uint64_t)block_get(bent.block, bent.signal, bent.index);
    block_set((block_t *)(uintptr_t)bent.block, bent.signal, bent.index,
              (int64_t)(value ^ UINT64_C(1) << bent.bit));
}

/* The DUT has no such bit, so that comparing what it has finds nothing. */
static void check_above(const design_t *d, const char *signal)
{
    bent.type = block_find("pe");
    block_type_t type = *bent.type;
    type.eval = bent_eval;
    bench_t b = bench_open(d, &type, SEED);
    bent.block = lockstep_model(b.l);
    bent.signal = block_signal(bent.block, signal);
    bent.index = 0, bent.bit = bent.signal->bits, bent.cycle = -1, bent.at = 3;
    must_hold(&b, lockstep_reset(b.l), "the state after reset");
    for (bent.cycle = 0; bent.cycle < bent.at; ++bent.cycle, ++b.cycle) {
        stimulus_next(b.stimulus);
        must_hold(&b, lockstep_step(b.l), "a cycle");
    }
    demand(!lockstep_settle(b.l), "%s: a bit above its width went unseen", signal);
    bench_close(&b);
}

START_TEST(a_model_value_above_its_width_is_a_mismatch)
{
    design_t d = load("odd_5x7x3");
    check_above(&d, "sat");
    check_above(&d, "acc"); /* signed: no more its own sign */
}
END_TEST

/* Twenty cycles; the bent output differs in one of them. */
static uint64_t hash_of(const design_t *d, int at, const char *signal, bool last)
{
    block_type_t type = *bent.type;
    type.eval = bent_eval;
    bench_t b = bench_open(d, &type, SEED);
    bent.block = lockstep_model(b.l);
    bent.signal = block_signal(bent.block, signal);
    demand(bent.signal, "%s: no such output", signal);
    bent.index = last ? signal_count(bent.signal) - 1 : 0;
    bent.bit = last ? bent.signal->bits - 1 : 0;
    bent.at = at;
    must_hold(&b, lockstep_reset(b.l), "the state after reset");
    for (bent.cycle = 0; bent.cycle < 20; ++bent.cycle, ++b.cycle) {
        stimulus_next(b.stimulus);
        bool equal = lockstep_settle(b.l);
        demand(equal == (bent.cycle != at), "%s, cycle %d: %s", signal, bent.cycle,
               equal ? "equal" : "differs");
        must_hold(&b, lockstep_edge(b.l), "a register");
    }
    uint64_t hash = lockstep_count(b.l)->hash;
    bench_close(&b);
    return hash;
}

static void check_hashes(const design_t *d, const char *unit)
{
    signal_t table[SIGNAL_MAX];
    bent.type = block_find(unit);
    int n = bent.type->signals(d, table), outputs = 0;
    for (int i = 0; i < n; ++i) {
        if (table[i].kind != SIGNAL_OUT) continue;
        uint64_t clean = hash_of(d, -1, table[i].name, false);
        demand(hash_of(d, -1, table[i].name, true) == clean, "%s: the hash does not repeat", unit);
        for (int k = 0; k < 4; ++k) {
            demand(hash_of(d, k & 1 ? 19 : 0, table[i].name, k & 2) != clean, "%s.%s: the same hash", unit,
                   table[i].name);
        }
        ++outputs;
    }
    demand(outputs, "%s: no outputs", unit);
}

START_TEST(the_hash_tells_outputs_apart)
{
    design_t d = load("odd_5x7x3");
    check_hashes(&d, "pe");
    check_hashes(&d, "pe_row");
    check_hashes(&d, "exp");
}
END_TEST

/* ---- high counters ---- */

/* Cycles in which the unit's event counters `name` are compared above half their range, over all elements. */
static uint64_t cycles_above_half(const char *unit, const char *name, bool high)
{
    design_t d = load("odd_5x7x3_travelling");
    char error[DUT_ERROR_MAX] = "";
    lockstep_t *l = NULL;
    uint64_t above = 0;
    const lockstep_config_t config = {
        .design = &d, .type = block_find(unit), .unit = unit, .x_seed = SEED, .high_counters = high};
    demand(!lockstep_open(&l, &config, error), "%s: %s", unit, error);
    block_t *b = lockstep_model(l);
    stimulus_t *s = stimulus_open(STIMULUS_CORNER, SEED, b);
    demand(s && lockstep_reset(l), "%s: reset differs", unit);
    for (int cycle = 0; cycle < 4000; ++cycle) {
        const signal_t *counter = block_signal(b, name);
        stimulus_next(s);
        demand(lockstep_step(l), "%s: cycle %d differs", unit, cycle);
        for (size_t i = 0; i < signal_count(counter); ++i) above += block_get(b, counter, i) >> 31 != 0;
    }
    stimulus_close(s);
    lockstep_close(l);
    return above;
}

START_TEST(high_counters_reach_what_events_cannot)
{
    static const char *const counters[][2] = {
        {"slot_row", "acc_sat_q"}, {"score_array", "sat_scaled_q"}, {"normalise", "sat_q"}};
    for (int i = 0; i < 3; ++i) {
        const char *unit = counters[i][0], *name = counters[i][1];
        demand(!cycles_above_half(unit, name, false), "%s of %s is high by itself", name, unit);
        uint64_t above = cycles_above_half(unit, name, true);
        demand(above > 3000, "%s of %s was high in %" PRIu64 " of 4000 cycles only", name, unit, above);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lockstep");
    TCase *c = tcase_create("lockstep");
    tcase_set_timeout(c, 300);
    tcase_add_test(c, every_flipped_bit_is_found);
    tcase_add_test(c, equal_differences_do_not_cancel);
    tcase_add_test(c, reset_leaves_one_state_whatever_was_before);
    tcase_add_test(c, a_reset_mismatch_is_reported);
    tcase_add_test(c, zero_cycles_are_vacuous);
    tcase_add_test(c, a_write_behind_an_array_is_a_mismatch);
    tcase_add_test(c, each_zero_count_is_vacuous);
    tcase_add_test(c, counts_are_what_was_compared);
    tcase_add_test(c, an_unbound_entry_is_refused);
    tcase_add_test(c, an_entry_of_another_width_is_refused);
    tcase_add_test(c, codes_that_no_input_has_are_refused);
    tcase_add_test(c, codes_fit_in_every_design);
    tcase_add_test(c, a_model_value_above_its_width_is_a_mismatch);
    tcase_add_test(c, the_hash_tells_outputs_apart);
    tcase_add_test(c, high_counters_reach_what_events_cannot);
    suite_add_tcase(s, c);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
