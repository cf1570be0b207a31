/* SPDX-License-Identifier: Apache-2.0 */
#include "pe_array_fast.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static int drop_sddmm(const design_t *d)
{
    return d->q.frac + d->k.frac - d->acc.frac;
}
static int drop_spmm(const design_t *d)
{
    return d->score.frac + d->v.frac - d->out.frac;
}

bool pe_array_fast_fits(const design_t *d)
{
    bool widths = d->q.w == 16 && d->k.w == 16 && d->v.w == 16 && d->bias.w <= 16 && d->acc.w == 32 &&
                  d->score.w == 32 && d->row_sum.w == 32;
    bool sizes = d->pes % FAST_LANES == 0 && d->pes <= PE_ROW_PES_MAX && d->columns <= FAST_COLUMNS;
    bool bias = d->acc.frac - d->bias.frac <= 32; /* aligned, it fits 64 bits */
    bool drops = drop_sddmm(d) >= 0 && drop_sddmm(d) <= 16 && drop_spmm(d) >= 0 && drop_spmm(d) <= 16;
    return design_signed(d) && widths && sizes && bias && drops;
}

/* ---- one PE, exactly: what the vectors fall back to where something may be clipped ---- */

static int64_t product(const pe_array_fast_t *a, int r, int k)
{
    int i = r * a->pes + k, c1 = a->c1[i], c2 = a->c2[i];
    int64_t h = c2 < a->columns ? a->h[(a->h_base + r) % a->rows][c2] : 0;
    if (c1 == a->columns) return (a->score_q[i] * h) >> a->drop_spmm;
    int64_t v = c1 < a->columns ? a->v[r][a->v_base + c1] : 0;
    return (v * h) >> a->drop_sddmm;
}

static void accumulate_one(pe_array_fast_t *a, int r, int k)
{
    int i = r * a->pes + k;
    int64_t base = *a->c3 == C3_SELF ? a->acc_q[i] : *a->c3 == C3_LEFT && k ? a->tap[i - 1] : 0;
    int64_t sum = base + product(a, r, k), kept = sum;
    if (sum > INT32_MAX) kept = INT32_MAX;
    if (sum < INT32_MIN) kept = INT32_MIN;
    a->acc_q[i] = (int32_t)kept;
    a->sat_q[i] = kept != sum;
    a->clipped[r] = (uint8_t)(a->clipped[r] + a->sat_q[i]);
}

static void accumulate_plain(pe_array_fast_t *a)
{
    for (int r = 0; r < a->rows; ++r) {
        for (int k = 0; k < a->pes; ++k) accumulate_one(a, r, k);
    }
}

/* ---- 16 PEs at a time ---- */

#if defined(__x86_64__)
#define VECTOR __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

static bool have_vectors(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

/* words[select mod 64] where `wanted`, else 0. */
VECTOR static inline __m512i taps(const int16_t *words, __m128i select, __mmask16 wanted)
{
    __m512i low = _mm512_loadu_si512(words), high = _mm512_loadu_si512(words + 32);
    __m512i at = _mm512_castsi256_si512(_mm256_cvtepu8_epi16(select));
    __m512i found = _mm512_permutex2var_epi16(low, at, high);
    return _mm512_maskz_cvtepi16_epi32(wanted, _mm512_castsi512_si256(found));
}

/* Floor of a * b / 2^drop in 32 bits, from the two halves of a; lanes that may not fit in *unsure. */
VECTOR static inline __m512i wide_product(__m512i a, __m512i b, __m512i drop, __mmask16 *unsure)
{
    __m512i up = _mm512_sub_epi32(_mm512_set1_epi32(16), drop);
    __m512i high = _mm512_mullo_epi32(_mm512_srai_epi32(a, 16), b);
    __m512i low = _mm512_mullo_epi32(_mm512_and_si512(a, _mm512_set1_epi32(0xffff)), b);
    __m512i raised = _mm512_sllv_epi32(high, up), fallen = _mm512_srav_epi32(low, drop);
    __m512i sum = _mm512_add_epi32(raised, fallen);
    __mmask16 lost = _mm512_cmpneq_epi32_mask(_mm512_srav_epi32(raised, up), high);
    __m512i carry = _mm512_and_si512(_mm512_xor_si512(raised, sum), _mm512_xor_si512(fallen, sum));
    *unsure = (__mmask16)(lost | _mm512_movepi32_mask(carry));
    return sum;
}

/* o of 16 PEs is the taps one word to the left; PE 0 of a row gets none. */
VECTOR static inline __m512i base_of(int c3, __m512i acc, const int32_t *tap, int k)
{
    if (c3 == C3_SELF) return acc;
    if (c3 != C3_LEFT) return _mm512_setzero_si512();
    return _mm512_maskz_loadu_epi32((__mmask16)(k ? 0xffff : 0xfffe), tap - 1);
}

/* Steps PEs k .. k + 15 of row r and returns 0, or writes nothing and returns the lanes that may be clipped.
 */
VECTOR static inline __mmask16 accumulate_16(pe_array_fast_t *a, int r, int k, int c3, const int16_t *h)
{
    size_t i = (size_t)(r * a->pes + k);
    __m128i c1 = _mm_load_si128((const __m128i *)&a->c1[i]), c2 = _mm_load_si128((const __m128i *)&a->c2[i]);
    __m128i columns = _mm_set1_epi8((char)a->columns);
    __mmask16 scored = _mm_cmpeq_epi8_mask(c1, columns), unsure = 0;
    __m512i x = taps(&a->v[r][a->v_base], c1, _mm_cmplt_epu8_mask(c1, columns));
    __m512i y = taps(h, c2, _mm_cmplt_epu8_mask(c2, columns));
    __m512i acc = _mm512_load_si512(&a->acc_q[i]), prod;
    if (scored) { /* else both are 16-bit words */
        x = _mm512_mask_loadu_epi32(x, scored, &a->score_q[i]);
        __m512i drop = _mm512_mask_set1_epi32(_mm512_set1_epi32(a->drop_sddmm), scored, a->drop_spmm);
        prod = wide_product(x, y, drop, &unsure);
    } else {
        prod = _mm512_sra_epi32(_mm512_mullo_epi32(x, y), _mm_cvtsi32_si128(a->drop_sddmm));
    }
    __m512i base = base_of(c3, acc, &a->tap[i], k), sum = _mm512_add_epi32(base, prod);
    __m512i carry = _mm512_and_si512(_mm512_xor_si512(base, sum), _mm512_xor_si512(prod, sum));
    unsure |= _mm512_movepi32_mask(carry);
    if (!unsure) _mm512_store_si512(&a->acc_q[i], sum);
    return unsure;
}

/* Inlined once for each c3, so that its choices are made outside the loops. */
VECTOR static inline __attribute__((always_inline)) void accumulate_rows(pe_array_fast_t *a, int c3)
{
    int rows = a->rows, pes = a->pes;
    for (int r = 0, at = a->h_base; r < rows; ++r, at = at + 1 < rows ? at + 1 : 0) {
        for (int k = 0; k < pes; k += FAST_LANES) {
            if (!accumulate_16(a, r, k, c3, a->h[at])) continue;
            for (int lane = 0; lane < FAST_LANES; ++lane) accumulate_one(a, r, k + lane);
        }
    }
}

VECTOR static void accumulate_vector(pe_array_fast_t *a)
{
    switch (*a->c3) {
    case C3_SELF: accumulate_rows(a, C3_SELF); break;
    case C3_LEFT: accumulate_rows(a, C3_LEFT); break;
    default: accumulate_rows(a, C3_LOAD); break;
    }
}
#else
static bool have_vectors(void)
{
    return false;
}
static void accumulate_vector(pe_array_fast_t *a)
{
    accumulate_plain(a);
}
#endif

/* ---- settle ---- */

static size_t plane_words(const pe_array_fast_t *a)
{
    return (size_t)(a->rows * a->pes);
}
static int32_t *plane_at(pe_array_fast_t *a, int word)
{
    return a->line + (size_t)word * (plane_words(a) + FAST_PLANE_PAD);
}

/* The plane that each c4 names: the accumulators themselves, an age, or zeros. */
static void name_planes(pe_array_fast_t *a)
{
    int most = a->columns - a->pes;
    a->plane[0] = a->acc_q;
    for (int age = 1, at = a->wp; age <= most; ++age) {
        at = at + 1 < a->depth ? at + 1 : 0;
        a->plane[age] = plane_at(a, at);
    }
}

static void gather_taps(pe_array_fast_t *a)
{
    const size_t words = plane_words(a);
    const uint8_t *c4 = a->c4;
    for (size_t i = 0; i < words; i += FAST_LANES) {
        for (size_t lane = i; lane < i + FAST_LANES; ++lane) a->tap[lane] = a->plane[c4[lane]][lane];
    }
}

static void fast_eval(void *self)
{
    pe_array_fast_t *a = self;
    name_planes(a);
    if (*a->c3 == C3_LEFT) gather_taps(a);
    for (int r = 0; r < a->rows; ++r) {
        size_t last = (size_t)r * (size_t)a->pes + (size_t)a->pes - 1;
        a->out[r] = a->plane[a->c4[last]][last];
    }
    memcpy(a->sum, a->sum_q, (size_t)a->rows * sizeof *a->sum);
}

/* ---- edge ---- */

static void count(uint32_t *counter, int64_t events)
{
    *counter = (uint32_t)fixed_count(*counter, events);
}

/* Last edge's clipping goes into the counters; most edges have none. */
static void tick_clipped(pe_array_fast_t *a)
{
    if (!a->any_clipped) return;
    for (int r = 0; r < a->rows; ++r) count(&a->acc_sat_q[r], a->clipped[r]);
    memset(a->sat_q, 0, (size_t)a->rows * (size_t)a->pes);
    memset(a->clipped, 0, sizeof a->clipped);
    a->any_clipped = false;
}

static void tick_acc(pe_array_fast_t *a)
{
    size_t bytes = (size_t)a->rows * (size_t)a->pes * sizeof *a->acc_q;
    if (*a->c3 == C3_CLEAR) memset(a->acc_q, 0, bytes);
    if (*a->c3 < C3_SELF || *a->c3 > C3_LOAD) return;
    a->accumulate(a);
    uint8_t any = 0;
    for (int r = 0; r < a->rows; ++r) any |= a->clipped[r];
    a->any_clipped = any != 0;
}

static void clear_line(pe_array_fast_t *a)
{
    memset(a->line, 0, (size_t)((char *)plane_at(a, a->depth) - (char *)a->line));
}

static void tick_line(pe_array_fast_t *a)
{
    if (*a->c3 == C3_CLEAR) {
        clear_line(a);
        a->shown = a->depth;
    } else if (*a->c3 == C3_LEFT) {
        memcpy(plane_at(a, a->wp), a->acc_q, plane_words(a) * sizeof *a->line);
        a->wp = a->wp ? a->wp - 1 : a->depth - 1;
        if (a->shown < a->depth) ++a->shown;
        memset(a->wp_q, a->wp, (size_t)a->rows);
    }
}

static int32_t exp_of(pe_array_fast_t *a, int r, int i, int64_t *clipped)
{
    if (!a->active[i]) return 0;
    int64_t x = a->acc_q[i] - a->bias[r] * ((int64_t)1 << (a->d->acc.frac - a->d->bias.frac));
    return (int32_t)exp_unit_value(&a->exp, fixed_saturate(x, 32, NULL), clipped);
}

static void eval_exp(pe_array_fast_t *a)
{
    for (int r = 0; r < a->rows; ++r) {
        int64_t clipped = 0;
        for (int k = 0; k < a->pes; ++k) {
            int i = r * a->pes + k;
            a->score[i] = exp_of(a, r, i, &clipped);
        }
        if (clipped) count(&a->exp_sat_q[r], clipped);
    }
}

static void tick_sums(pe_array_fast_t *a)
{
    if (*a->sum_clear) {
        memset(a->sum_q, 0, (size_t)a->rows * sizeof *a->sum_q);
        return;
    }
    if (*a->c5 != C5_MOVE) return;
    int down = a->d->score.frac - a->d->row_sum.frac;
    for (int r = 0; r < a->rows; ++r) {
        int64_t clipped = 0;
        __int128 sum = a->sum_q[r] + fixed_floor(a->score_q[r * a->pes + a->pes - 1], down);
        a->sum_q[r] = (int32_t)fixed_saturate(sum, 32, &clipped);
        if (clipped) count(&a->sum_sat_q[r], clipped);
    }
}

static void tick_scores(pe_array_fast_t *a)
{
    size_t pes = (size_t)a->pes, size = (size_t)a->rows * pes;
    if (*a->c5 == C5_CALC) memcpy(a->score_q, a->score, size * sizeof *a->score_q);
    if (*a->c5 == C5_CLEAR) memset(a->score_q, 0, size * sizeof *a->score_q);
    if (*a->c5 != C5_MOVE) return;
    for (int r = 0; r < a->rows; ++r) {
        int32_t *score = a->score_q + (size_t)r * pes;
        memmove(score + 1, score, (pes - 1) * sizeof *score);
        score[0] = 0;
    }
}

static void tick_operands(pe_array_fast_t *a)
{
    if (*a->clear) {
        memset(a->v, 0, sizeof a->v);
        memset(a->h, 0, sizeof a->h);
        return;
    }
    a->v_base = a->v_base ? a->v_base - 1 : FAST_COLUMNS - 1;
    for (int r = 0; r < a->rows; ++r) {
        a->v[r][a->v_base] = a->v[r][a->v_base + FAST_COLUMNS] = a->left[r];
    }
    a->h_base = a->h_base ? a->h_base - 1 : a->rows - 1;
    memcpy(a->h[a->h_base], a->top, (size_t)a->columns * sizeof *a->top);
}

/* Each step reads what the later ones write. */
static void fast_tick(void *self)
{
    pe_array_fast_t *a = self;
    tick_clipped(a);
    tick_sums(a);
    if (*a->c5 == C5_CALC) eval_exp(a);
    tick_line(a);
    tick_acc(a);
    tick_scores(a);
    tick_operands(a);
}

/* ---- the table's layout ---- */

static void show_operands(const pe_array_fast_t *a)
{
    const size_t columns = (size_t)a->columns, bytes = columns * sizeof *a->v_q;
    for (int r = 0, at = a->h_base; r < a->rows; ++r, at = at + 1 < a->rows ? at + 1 : 0) {
        memcpy(a->v_q + (size_t)r * columns, &a->v[r][a->v_base], bytes);
        memcpy(a->h_q + (size_t)r * columns, a->h[at], bytes);
    }
}

static void show_line(pe_array_fast_t *a)
{
    for (int age = 1; age <= a->shown; ++age) {
        int at = (a->wp + age) % a->depth;
        const int32_t *plane = plane_at(a, at);
        for (int r = 0; r < a->rows; ++r) {
            int32_t *word = a->line_q + (size_t)(r * a->depth + at) * (size_t)a->pes;
            memcpy(word, plane + r * a->pes, (size_t)a->pes * sizeof *word);
        }
    }
    a->shown = 0;
}

static void fast_show(void *self)
{
    pe_array_fast_t *a = self;
    show_operands(a);
    show_line(a);
}

static void fast_reset(void *self)
{
    pe_array_fast_t *a = self;
    a->wp = a->v_base = a->h_base = a->shown = 0;
    a->any_clipped = false;
    memset(a->clipped, 0, sizeof a->clipped);
    memset(a->v, 0, sizeof a->v);
    memset(a->h, 0, sizeof a->h);
    clear_line(a);
}

static void fast_init(void *self, const design_t *d)
{
    pe_array_fast_t *a = self;
    a->d = d;
    a->rows = d->rows;
    a->columns = d->columns;
    a->pes = d->pes;
    a->depth = design_depth(d);
    a->drop_sddmm = drop_sddmm(d);
    a->drop_spmm = drop_spmm(d);
    a->accumulate = have_vectors() ? accumulate_vector : accumulate_plain;
    exp_unit_of_pe(&a->exp, d);
    for (int c4 = 0; c4 < FAST_PLANES; ++c4) a->plane[c4] = a->zero;
}

void pe_array_fast_plain(void *self)
{
    ((pe_array_fast_t *)self)->accumulate = accumulate_plain;
}

/* ---- the table ---- */

#define FIELD(name, member)                                                                                  \
    {                                                                                                        \
        name, offsetof(pe_array_fast_t, member), sizeof *((pe_array_fast_t *)0)->member                      \
    }

static const signal_place_t fields[] = {
    FIELD("left", left),
    FIELD("top", top),
    FIELD("bias", bias),
    FIELD("clear", clear),
    FIELD("c1", c1),
    FIELD("c2", c2),
    FIELD("c3", c3),
    FIELD("c4", c4),
    FIELD("c5", c5),
    FIELD("sum_clear", sum_clear),
    FIELD("active", active),
    FIELD("out", out),
    FIELD("sum", sum),
    FIELD("v_q", v_q),
    FIELD("h_q", h_q),
    FIELD("acc_q", acc_q),
    FIELD("score_q", score_q),
    FIELD("line_q", line_q),
    FIELD("wp_q", wp_q),
    FIELD("sum_q", sum_q),
    FIELD("sat_q", sat_q),
    FIELD("acc_sat_q", acc_sat_q),
    FIELD("exp_sat_q", exp_sat_q),
    FIELD("sum_sat_q", sum_sat_q),
};

/* The reference's table with narrower elements. */
static int fast_signals(const design_t *d, signal_t *table)
{
    int n = pe_array_type.signals(d, table);
    signals_place(table, n, fields, sizeof fields / sizeof *fields);
    return n;
}

const block_type_t pe_array_fast_type = {
    .name = "pe_array",
    .summary = "the array under array control, as fast as a processor steps it",
    .size = sizeof(pe_array_fast_t),
    .clocked = true,
    .signals = fast_signals,
    .init = fast_init,
    .reset = fast_reset,
    .eval = fast_eval,
    .tick = fast_tick,
    .show = fast_show,
};
