/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_array_fast.h"

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

bool slot_array_fast_fits(const design_t *d)
{
    bool widths = d->q.w == 16 && d->k.w == 16 && d->v.w == 16 && d->bias.w <= 16 && d->acc.w == 32 &&
                  d->score.w == 32 && d->row_sum.w == 32;
    bool sizes = d->pes % SLOT_FAST_LANES == 0 && d->pes <= SLOT_ROW_PES_MAX &&
                 d->columns <= SLOT_FAST_COLUMNS && d->rows <= SLOT_ARRAY_ROWS_MAX;
    bool bias = d->acc.frac - d->bias.frac <= 32; /* aligned, it fits 64 bits */
    bool drops = drop_sddmm(d) >= 0 && drop_sddmm(d) <= 16 && drop_spmm(d) >= 0 && drop_spmm(d) <= 16;
    return d->control == CONTROL_TRAVELLING && design_signed(d) && widths && sizes && bias && drops;
}

static void count(uint32_t *counter, int64_t events)
{
    *counter = (uint32_t)fixed_count(*counter, events);
}

/* Row r's accumulator k as it was `age` cycles ago; 0 where no tap is so old. */
static int32_t tap(const slot_array_fast_t *a, int r, int k, int age)
{
    int at = a->wp + age < a->depth ? a->wp + age : a->wp + age - a->depth;
    if (!age) return a->acc_q[r * a->pes + k];
    return age <= a->most ? a->line_q[(r * a->depth + at) * a->pes + k] : 0;
}

/* A tag as the window keeps it: one bit an operation, so that a test finds several; the sign is the parity.
 */
enum {
    WINDOW_LOAD = 1,
    WINDOW_MAC = 2,
    WINDOW_EXP = 4,
    WINDOW_FWD = 8, /* also of the last word */
    WINDOW_LAST = 16,
};
static const int16_t window_ops[8] = {0,          WINDOW_LOAD, WINDOW_MAC,
                                      WINDOW_EXP, WINDOW_FWD,  WINDOW_FWD | WINDOW_LAST};

static int16_t window_tag(int tag)
{
    return (int16_t)(window_ops[tag % TAG_PAR] | (tag & TAG_PAR ? INT16_MIN : 0));
}

/* The tags of row r, as the window keeps them: [j] is tap j. */
static const int16_t *tags_of(const slot_array_fast_t *a, int r)
{
    return a->tags + a->tag_base + r;
}

static const int16_t *h_of(const slot_array_fast_t *a, int r)
{
    int at = a->h_base + r;
    return a->h[at < a->rows ? at : at - a->rows];
}

static int tail_par(const slot_array_fast_t *a, int r)
{
    return a->tail_q[r] >> (2 * a->tail_w + 1) & 1;
}

/* ---- exp and row sums: at most a slot a row in a cycle, so slot by slot everywhere ---- */

static int64_t exponent(const slot_array_fast_t *a, int r, int k)
{
    int i = r * a->pes + k;
    int col = (int)(a->slot_q[i] >> a->col_at & a->col_mask);
    int64_t bias = fixed_wrap(a->v[r][a->v_base + col], a->d->bias.w);
    return fixed_saturate(a->acc_q[i] - bias * ((int64_t)1 << (a->d->acc.frac - a->d->bias.frac)), 32, NULL);
}

/* The slots of row r that calculate, one bit each: before any of them changes. */
static void calculate(slot_array_fast_t *a, int r, uint64_t slots)
{
    uint64_t x = 0;
    int64_t exp_clips = 0, sum_clips = 0;
    int first = r * a->pes + __builtin_ctzll(slots);
    for (uint64_t rest = slots; rest; rest &= rest - 1) x |= (uint64_t)exponent(a, r, __builtin_ctzll(rest));
    int64_t y = exp_unit_value(&a->exp, (int64_t)x, &exp_clips);
    for (uint64_t rest = slots; rest; rest &= rest - 1) {
        a->score_q[r * a->pes + __builtin_ctzll(rest)] = (int32_t)y;
    }
    if (exp_clips) count(&a->exp_sat_q[r], exp_clips);
    if (slots & (slots - 1)) a->clash_q[r] = a->any_clash = true;
    int p = a->slot_q[first] >> a->par_at & 1;
    if (a->out_op[r] == 2 && p == tail_par(a, r)) return; /* cleared at this very edge */
    __int128 sum = a->sum_q[2 * r + p] + fixed_floor(y, a->d->score.frac - a->d->row_sum.frac);
    a->sum_q[2 * r + p] = (int32_t)fixed_saturate(sum, 32, &sum_clips);
    if (sum_clips) count(&a->sum_sat_q[r], sum_clips);
}

/* Last edge's clipping goes into the counter; most edges have none. */
static void count_clipped(slot_array_fast_t *a, int r, int now)
{
    if (a->clipped[r]) count(&a->acc_sat_q[r], a->clipped[r]);
    a->clipped[r] = (uint8_t)now;
}

/* ---- slot by slot ---- */

static int op_for(const slot_array_fast_t *a, int r, uint32_t slot)
{
    uint32_t col = slot >> a->col_at & a->col_mask;
    if (!(slot >> a->mode_at & 3) || col >= (uint32_t)a->columns) return TAG_NONE;
    int tag = a->narrow_tag[a->tag_base + r + (int)col], op = tag % TAG_PAR;
    return (uint32_t)(tag / TAG_PAR) == (slot >> a->par_at & 1) && op <= TAG_FWD_LAST ? op : TAG_NONE;
}

static uint32_t next_slot(const slot_array_fast_t *a, uint32_t slot, bool last)
{
    bool valid = slot >> a->nv_at & 1, skips = !(slot >> a->mode_at & 3);
    if (valid && (last || skips)) {
        uint32_t now = slot >> a->place_w & a->place_mask;
        return ((slot & ~a->place_mask) | now) ^ UINT32_C(1) << a->nv_at ^ UINT32_C(1) << a->par_at;
    }
    return last ? slot & ~(UINT32_C(3) << a->mode_at) : slot;
}

/* acc', as far as 64 bits go. */
static int64_t accumulate(const slot_array_fast_t *a, int r, int k, int op, bool active)
{
    int i = r * a->pes + k;
    uint32_t slot = a->slot_q[i], col = slot >> a->col_at & a->col_mask;
    int64_t h = h_of(a, r)[col], o = 0;
    if (op < TAG_FWD) {
        int64_t product = a->v[r][a->v_base + (int)col] * h >> a->drop_sddmm;
        return op == TAG_MAC ? a->acc_q[i] + product : product;
    }
    if (k && slot & 1) o = tap(a, r, k - 1, (int)(slot >> 1 & a->gap_mask));
    return active ? o + (a->score_q[i] * h >> a->drop_spmm) : o;
}

/* From the last slot on, so that each finds its left neighbour as it was; and all before one changes score.
 */
static void step_row_plain(slot_array_fast_t *a, int r)
{
    uint64_t calcs = 0;
    int clips = 0;
    size_t first = (size_t)(r * a->pes);
    int32_t before[SLOT_ROW_PES_MAX];
    memcpy(before, a->acc_q + first, (size_t)a->pes * sizeof *before);
    int op[SLOT_ROW_PES_MAX];
    for (int k = 0; k < a->pes; ++k) {
        uint32_t slot = a->slot_q[first + (size_t)k];
        op[k] = op_for(a, r, slot);
        if (op[k] == TAG_EXP && (slot >> a->mode_at & 3) == SLOT_ACTIVE) calcs |= UINT64_C(1) << k;
    }
    if (calcs) calculate(a, r, calcs);
    for (int k = a->pes - 1; k >= 0; --k) {
        size_t i = first + (size_t)k;
        uint32_t slot = a->slot_q[i], mode = slot >> a->mode_at & 3;
        bool active = mode == SLOT_ACTIVE, forwards = op[k] >= TAG_FWD && mode != 3;
        a->sat_q[i] = 0;
        if (forwards || (active && (op[k] == TAG_LOAD || op[k] == TAG_MAC))) {
            int64_t sum = accumulate(a, r, k, op[k], active), kept = sum;
            if (sum > INT32_MAX) kept = INT32_MAX;
            if (sum < INT32_MIN) kept = INT32_MIN;
            a->acc_q[i] = (int32_t)kept;
            clips += a->sat_q[i] = kept != sum;
        }
        a->slot_q[i] = next_slot(a, slot, op[k] == TAG_FWD_LAST);
    }
    memcpy(a->line_q + (r * a->depth + a->wp) * a->pes, before, (size_t)a->pes * sizeof *before);
    count_clipped(a, r, clips);
}

static void step_rows_plain(slot_array_fast_t *a)
{
    for (int r = 0; r < a->rows; ++r) step_row_plain(a, r);
}

/* ---- output slots, row by row ---- */

static uint8_t tail_op(const slot_array_fast_t *a, int r)
{
    int tag = a->narrow_tag[a->tag_base + r + a->columns], op = tag % TAG_PAR;
    bool used = a->tail_q[r] >> (a->tail_w - 1) & 1;
    if (!used || tag / TAG_PAR != tail_par(a, r)) return 0;
    return op == TAG_FWD ? 1 : op == TAG_FWD_LAST ? 2 : 0;
}

static void eval_tails_plain(slot_array_fast_t *a)
{
    for (int r = 0; r < a->rows; ++r) {
        a->out_op[r] = tail_op(a, r);
        a->out[r] = a->out_op[r] ? tap(a, r, a->pes - 1, a->tail_q[r] & (int)a->gap_mask) : 0;
        a->sum[r] = a->sum_q[2 * r + tail_par(a, r)];
    }
}

static unsigned next_tail(const slot_array_fast_t *a, unsigned tail, bool last)
{
    const int w = a->tail_w;
    const unsigned place = (1u << w) - 1, used = 1u << (w - 1), nv = 1u << 2 * w, par = 2u << 2 * w;
    if ((tail & nv) && (last || !(tail & used))) return ((tail & ~place) | (tail >> w & place)) ^ nv ^ par;
    return last ? tail & ~used : tail;
}

/* A last word clears its sum. */
static void tick_tails_plain(slot_array_fast_t *a)
{
    for (int r = 0; r < a->rows; ++r) {
        bool last = a->out_op[r] == 2;
        if (last) a->sum_q[2 * r + tail_par(a, r)] = 0;
        a->tail_q[r] = (uint16_t)next_tail(a, a->tail_q[r], last);
    }
}

/* ---- 16 slots at a time ---- */

#if defined(__x86_64__)
#define VECTOR __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

static bool have_vectors(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

VECTOR static inline __m512i spread(uint32_t x)
{
    return _mm512_set1_epi32((int)x);
}

VECTOR static inline __m512i field(__m512i word, int at, uint32_t mask)
{
    return _mm512_and_si512(_mm512_srlv_epi32(word, spread((uint32_t)at)), spread(mask));
}

/* words[select mod 64] */
VECTOR static inline __m256i taps(const int16_t *words, __m256i select)
{
    __m512i low = _mm512_loadu_si512(words), high = _mm512_loadu_si512(words + 32);
    return _mm512_castsi512_si256(_mm512_permutex2var_epi16(low, _mm512_castsi256_si512(select), high));
}

VECTOR static inline void take_apart(const slot_array_fast_t *a, __m512i slot, slot_group_t *g)
{
    __m512i col = field(slot, a->col_at, a->col_mask), gap = field(slot, 1, a->gap_mask);
    __mmask16 low = _mm512_test_epi32_mask(slot, spread(UINT32_C(1) << a->mode_at));
    __mmask16 high = _mm512_test_epi32_mask(slot, spread(UINT32_C(2) << a->mode_at));
    __mmask16 left = _mm512_test_epi32_mask(slot, spread(1));
    __mmask16 some = _mm512_test_epi32_mask(gap, gap);
    _mm256_storeu_si256((__m256i *)(void *)g->col, _mm512_cvtepi32_epi16(col));
    _mm512_storeu_si512(g->gap, gap);
    g->runs = low | high;
    g->there = _mm512_mask_cmplt_epi32_mask(low | high, col, spread((uint32_t)a->columns));
    g->active = high & (__mmask16)~low;
    g->forwards = high ^ low;
    g->par = _mm512_test_epi32_mask(slot, spread(UINT32_C(1) << a->par_at));
    g->nv = _mm512_test_epi32_mask(slot, spread(UINT32_C(1) << a->nv_at));
    g->near = left & (__mmask16)~some;
    g->far = _mm512_mask_cmple_epi32_mask(left & some, gap, spread((uint32_t)a->most));
}

/* slot_q after a pass's last word, or where a skipped slot finds its next place. */
VECTOR static inline void move_on(slot_array_fast_t *a, size_t i, slot_group_t *g, __mmask16 last,
                                  __mmask16 swap)
{
    const uint32_t flip = UINT32_C(1) << a->nv_at ^ UINT32_C(1) << a->par_at;
    __m512i slot = _mm512_load_si512(&a->slot_q[i]), now = field(slot, a->place_w, a->place_mask);
    __m512i rest = _mm512_xor_si512(_mm512_andnot_si512(spread(a->place_mask), slot), spread(flip));
    __m512i next = _mm512_mask_andnot_epi32(slot, last, spread(UINT32_C(3) << a->mode_at), slot);
    next = _mm512_mask_or_epi32(next, swap, rest, now);
    _mm512_store_si512(&a->slot_q[i], next);
    take_apart(a, next, g);
}

/* acc' of slots that load or add (`mac`), and which would not fit. */
VECTOR static inline __m512i sddmm(__m512i acc, __m512i v, __m512i h, __m512i drop, __mmask16 mac,
                                   __mmask16 *clipped)
{
    __m512i product = _mm512_srav_epi32(_mm512_mullo_epi32(v, h), drop);
    __m512i base = _mm512_maskz_mov_epi32(mac, acc), sum = _mm512_add_epi32(base, product);
    __m512i carry = _mm512_and_si512(_mm512_xor_si512(base, sum), _mm512_xor_si512(product, sum));
    __m512i bound = _mm512_xor_si512(_mm512_srai_epi32(base, 31), spread(INT32_MAX));
    *clipped = _mm512_movepi32_mask(carry);
    return _mm512_mask_mov_epi32(sum, *clipped, bound);
}

/* Half of the lanes in 64 bits: exact, then clipped. */
VECTOR static inline __m512i spmm_half(__m512i o, __m512i score, __m512i h, __m512i drop, __mmask8 *clipped)
{
    __m512i product = _mm512_srav_epi64(_mm512_mul_epi32(score, h), drop), sum = _mm512_add_epi64(o, product);
    __m512i kept = _mm512_min_epi64(sum, _mm512_set1_epi64(INT32_MAX));
    kept = _mm512_max_epi64(kept, _mm512_set1_epi64(INT32_MIN));
    *clipped = _mm512_cmpneq_epi64_mask(sum, kept);
    return kept;
}

VECTOR static inline __m512i spmm(__m512i o, __m512i score, __m512i h, __m512i drop, __mmask16 *clipped)
{
    __mmask8 even_clipped, odd_clipped;
    __m512i even_o = _mm512_srai_epi64(_mm512_slli_epi64(o, 32), 32), odd_o = _mm512_srai_epi64(o, 32);
    __m512i even = spmm_half(even_o, score, h, drop, &even_clipped);
    __m512i odd =
        spmm_half(odd_o, _mm512_srli_epi64(score, 32), _mm512_srli_epi64(h, 32), drop, &odd_clipped);
    *clipped = _mm512_movepi32_mask(
        _mm512_mask_blend_epi32(0xaaaa, _mm512_movm_epi64(even_clipped), _mm512_movm_epi64(odd_clipped)));
    return _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32));
}

/* What all rows share in a cycle, apart from memory that the step writes, so that it stays in registers. */
typedef struct {
    int32_t *acc, *line;
    const int32_t *score;
    const int16_t *tags;
    int pes, v_base, row_words,
        written; /* words of a row's line; where in it the one that is written begins */
    __m512i drop_sddmm, drop_spmm, wp, depth, words;
} shared_t;

VECTOR static inline shared_t shared_of(const slot_array_fast_t *a)
{
    return (shared_t){
        .acc = a->acc_q,
        .line = a->line_q,
        .score = a->score_q,
        .tags = tags_of(a, 0),
        .pes = a->pes,
        .v_base = a->v_base,
        .row_words = a->depth * a->pes,
        .written = a->wp * a->pes,
        .drop_sddmm = spread((uint32_t)a->drop_sddmm),
        .drop_spmm = _mm512_set1_epi64(a->drop_spmm),
        .wp = spread((uint32_t)a->wp),
        .depth = spread((uint32_t)a->depth),
        .words = spread((uint32_t)a->pes),
    };
}

/* Where in a row's line the words of these ages begin. */
VECTOR static inline __m512i words_of(const shared_t *c, __m512i age)
{
    __m512i at = _mm512_add_epi32(age, c->wp);
    at = _mm512_min_epu32(at, _mm512_sub_epi32(at, c->depth));
    return _mm512_mullo_epi32(at, c->words);
}

/* o of slots i .. i + 15, which are k .. k + 15 of row r: their left neighbours' accumulators, each as it was
 * `gap` cycles ago. */
VECTOR static inline __m512i left_taps(const shared_t *c, int r, int k, const slot_group_t *g, __mmask16 fwd)
{
    const __m512i lanes = _mm512_set_epi32(14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, -1);
    __m512i o = _mm512_maskz_loadu_epi32(fwd & g->near, c->acc + r * c->pes + k - 1);
    __mmask16 far = fwd & g->far;
    if (!far) return o;
    __m512i word = _mm512_add_epi32(lanes, spread((uint32_t)(r * c->row_words + k)));
    __m512i at = _mm512_add_epi32(words_of(c, _mm512_loadu_si512(g->gap)), word);
    return _mm512_mask_i32gather_epi32(o, far, at, c->line, 4);
}

/* Slots k .. k + 15 of row r but for exp: returns which calculate. Counts what it clips. */
VECTOR static inline __mmask16 step_16(slot_array_fast_t *a, const shared_t *c, int r, int k,
                                       const int16_t *h, int *clips)
{
    const size_t i = (size_t)(r * c->pes + k);
    slot_group_t *g = &a->group[i / SLOT_FAST_LANES];
    const __m256i select = _mm256_loadu_si256((const __m256i *)(const void *)g->col);
    const __m256i tag = taps(c->tags + r, select);
    const __mmask16 par = _mm256_movepi16_mask(tag);
    const __mmask16 hit = (__mmask16)(g->there & ~(g->par ^ par));
    const __mmask16 active = hit & g->active;
    const __mmask16 adds =
        _mm256_mask_test_epi16_mask(active, tag, _mm256_set1_epi16(WINDOW_LOAD | WINDOW_MAC));
    const __mmask16 fwd = _mm256_mask_test_epi16_mask(hit & g->forwards, tag, _mm256_set1_epi16(WINDOW_FWD));
    const __mmask16 last = _mm256_mask_test_epi16_mask(hit, tag, _mm256_set1_epi16(WINDOW_LAST));
    const __mmask16 swap = g->nv & (__mmask16)(last | ~g->runs);
    const __m512i acc = _mm512_load_si512(c->acc + i);
    __mmask16 clipped = 0;
    if (adds | fwd) {
        __m512i b = _mm512_cvtepi16_epi32(taps(h, select)), next = acc;
        if (adds) {
            __mmask16 mac = _mm256_test_epi16_mask(tag, _mm256_set1_epi16(WINDOW_MAC));
            __m512i v = _mm512_cvtepi16_epi32(taps(&a->v[r][c->v_base], select));
            __m512i sum = sddmm(acc, v, b, c->drop_sddmm, mac, &clipped);
            clipped &= adds;
            next = _mm512_mask_mov_epi32(next, adds, sum);
        }
        if (fwd) {
            __m512i score = _mm512_maskz_load_epi32(fwd & active, c->score + i);
            __mmask16 more;
            __m512i sum = spmm(left_taps(c, r, k, g, fwd), score, b, c->drop_spmm, &more);
            clipped |= more & fwd;
            next = _mm512_mask_mov_epi32(next, fwd, sum);
        }
        _mm512_store_si512(c->acc + i, next);
    }
    /* the oldest tap was in its place until now */
    _mm512_store_si512(c->line + r * c->row_words + c->written + k, acc);
    if (clipped || a->clipped[r]) {
        _mm_storeu_si128((__m128i *)(void *)&a->sat_q[i], _mm_maskz_set1_epi8(clipped, 1));
        *clips += __builtin_popcount(clipped);
    }
    if (swap | last) move_on(a, i, g, last, swap);
    return _mm256_mask_test_epi16_mask(active, tag, _mm256_set1_epi16(WINDOW_EXP));
}

VECTOR static void step_rows_vector(slot_array_fast_t *a)
{
    const shared_t c = shared_of(a);
    for (int r = 0; r < a->rows; ++r) {
        const int16_t *h = h_of(a, r);
        uint64_t calcs = 0;
        int clips = 0;
        for (int k = a->pes - SLOT_FAST_LANES; k >= 0; k -= SLOT_FAST_LANES) {
            calcs |= (uint64_t)step_16(a, &c, r, k, h, &clips) << k;
        }
        if (calcs) calculate(a, r, calcs); /* slots that calculate have not changed otherwise */
        if (clips | a->clipped[r]) count_clipped(a, r, clips);
    }
}

VECTOR static void take_row_apart(slot_array_fast_t *a, int r)
{
    for (int k = 0; k < a->pes; k += SLOT_FAST_LANES) {
        size_t i = (size_t)(r * a->pes + k);
        take_apart(a, _mm512_load_si512(&a->slot_q[i]), &a->group[i / SLOT_FAST_LANES]);
    }
}

/* ---- 16 output slots at a time ---- */

/* The last accumulator of row r + lane as it was `gap` cycles ago. */
VECTOR static inline __m512i last_taps(const slot_array_fast_t *a, const shared_t *c, int r, __m512i gap,
                                       __mmask16 fwd)
{
    const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i row = _mm512_add_epi32(lanes, spread((uint32_t)r)), last = spread((uint32_t)a->pes - 1);
    __m512i word = _mm512_add_epi32(_mm512_mullo_epi32(row, c->words), last);
    __m512i line = _mm512_add_epi32(_mm512_mullo_epi32(row, spread((uint32_t)c->row_words)), last);
    __mmask16 far = _mm512_mask_test_epi32_mask(fwd, gap, gap), near = fwd & (__mmask16)~far;
    __m512i o = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), near, word, a->acc_q, 4);
    far = _mm512_mask_cmple_epi32_mask(far, gap, spread((uint32_t)a->most));
    return _mm512_mask_i32gather_epi32(o, far, _mm512_add_epi32(words_of(c, gap), line), c->line, 4);
}

/* sum_q of row r + lane, the word that `par` says. */
VECTOR static inline __m512i sums_of(const slot_array_fast_t *a, int r, __mmask16 rows, __mmask16 par)
{
    const __m512i even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    __m512i low = _mm512_maskz_loadu_epi64((__mmask8)rows, a->sum_q + 2 * r);
    __m512i high = _mm512_maskz_loadu_epi64((__mmask8)(rows >> 8), a->sum_q + 2 * r + 16);
    return _mm512_permutex2var_epi32(low, _mm512_mask_or_epi32(even, par, even, spread(1)), high);
}

VECTOR static inline __m256i spread_short(int x)
{
    return _mm256_set1_epi16((short)x);
}

VECTOR static inline void eval_tails_16(slot_array_fast_t *a, const shared_t *c, int r, __mmask16 rows)
{
    const int w = a->tail_w;
    __m256i tag = _mm256_loadu_si256((const __m256i *)(const void *)(tags_of(a, r) + a->columns));
    __m256i tail = _mm256_maskz_loadu_epi16(rows, a->tail_q + r);
    __mmask16 par = _mm256_test_epi16_mask(tail, spread_short(2 << 2 * w));
    __mmask16 used = _mm256_test_epi16_mask(tail, spread_short(1 << (w - 1)));
    __mmask16 hit = used & (__mmask16) ~(par ^ _mm256_movepi16_mask(tag));
    __mmask16 fwd = _mm256_mask_test_epi16_mask(hit, tag, spread_short(WINDOW_FWD));
    __mmask16 last = _mm256_mask_test_epi16_mask(hit, tag, spread_short(WINDOW_LAST));
    __m512i gap = _mm512_and_si512(_mm512_cvtepu16_epi32(tail), spread(a->gap_mask));
    __m512i out = fwd ? last_taps(a, c, r, gap, fwd) : _mm512_setzero_si512();
    __m128i op = _mm_mask_mov_epi8(_mm_maskz_set1_epi8(fwd, 1), last, _mm_set1_epi8(2));
    _mm_mask_storeu_epi8(a->out_op + r, rows, op);
    _mm512_mask_storeu_epi32(a->out + r, rows, out);
    _mm512_mask_storeu_epi32(a->sum + r, rows, sums_of(a, r, rows, par));
    a->tail_last[r / SLOT_FAST_LANES] = last;
}

VECTOR static inline void tick_tails_16(slot_array_fast_t *a, int r, __mmask16 rows)
{
    const int w = a->tail_w, place = (1 << w) - 1;
    __m256i tail = _mm256_maskz_loadu_epi16(rows, a->tail_q + r);
    __mmask16 last = a->tail_last[r / SLOT_FAST_LANES];
    __mmask16 ends = last | _mm256_testn_epi16_mask(tail, spread_short(1 << (w - 1)));
    __mmask16 swap = _mm256_mask_test_epi16_mask(ends, tail, spread_short(1 << 2 * w));
    if (!(last | swap)) return;
    for (unsigned rest = last; rest; rest &= rest - 1) {
        int row = r + __builtin_ctz(rest);
        a->sum_q[2 * row + tail_par(a, row)] = 0;
    }
    __m256i now = _mm256_and_si256(_mm256_srl_epi16(tail, _mm_cvtsi32_si128(w)), spread_short(place));
    __m256i kept = _mm256_xor_si256(_mm256_andnot_si256(spread_short(place), tail), spread_short(3 << 2 * w));
    __m256i ended = _mm256_andnot_si256(spread_short(1 << (w - 1)), tail);
    __m256i next = _mm256_mask_mov_epi16(tail, last, ended);
    next = _mm256_mask_mov_epi16(next, swap, _mm256_or_si256(kept, now));
    _mm256_mask_storeu_epi16(a->tail_q + r, rows, next);
}

/* Rows r .. r + 15, one bit each. */
static inline uint16_t rows_from(const slot_array_fast_t *a, int r)
{
    return a->rows - r < SLOT_FAST_LANES ? (uint16_t)((1u << (a->rows - r)) - 1) : 0xffff;
}

VECTOR static void eval_tails_vector(slot_array_fast_t *a)
{
    const shared_t c = shared_of(a);
    for (int r = 0; r < a->rows; r += SLOT_FAST_LANES) eval_tails_16(a, &c, r, rows_from(a, r));
}

VECTOR static void tick_tails_vector(slot_array_fast_t *a)
{
    for (int r = 0; r < a->rows; r += SLOT_FAST_LANES) tick_tails_16(a, r, rows_from(a, r));
}
#else
static bool have_vectors(void)
{
    return false;
}
static void step_rows_vector(slot_array_fast_t *a)
{
    step_rows_plain(a);
}
static void take_row_apart(slot_array_fast_t *a, int r)
{
    (void)a, (void)r;
}
static void eval_tails_vector(slot_array_fast_t *a)
{
    eval_tails_plain(a);
}
static void tick_tails_vector(slot_array_fast_t *a)
{
    tick_tails_plain(a);
}
#endif

/* ---- settle ---- */

void slot_array_fast_eval(void *self)
{
    slot_array_fast_t *a = self;
    if (a->vectors)
        eval_tails_vector(a);
    else
        eval_tails_plain(a);
    *a->clash = a->any_clash;
}

/* ---- edge ---- */

static uint32_t place_on_bus(const slot_array_fast_t *a, int k)
{
    uint32_t mode = a->mode[k], col = a->col[k], left = k && a->mode[k - 1] != SLOT_SKIP, gap = 0;
    if (left) gap = (col - a->col[k - 1] - 1) & a->gap_mask;
    return mode << a->mode_at | col << a->col_at | gap << 1 | left;
}

/* One row's configurations, after swaps. */
static void load(slot_array_fast_t *a, int r)
{
    const int last = a->pes - 1, w = a->tail_w;
    for (int k = 0; k <= last; ++k) {
        uint32_t *slot = &a->slot_q[r * a->pes + k];
        *slot = (*slot & ~(a->place_mask << a->place_w)) | place_on_bus(a, k) << a->place_w |
                UINT32_C(1) << a->nv_at;
    }
    if (a->vectors) {
        for (int k = 0; k <= last; k += SLOT_FAST_LANES)
            a->group[(r * a->pes + k) / SLOT_FAST_LANES].nv = 0xffff;
    }
    unsigned used = a->mode[last] != SLOT_SKIP, place = (1u << w) - 1;
    unsigned gap = used ? (unsigned)(a->columns - 1 - a->col[last]) & a->gap_mask : 0;
    unsigned tail = a->tail_q[r] & ~(place << w);
    a->tail_q[r] = (uint16_t)(tail | (used << (w - 1) | gap) << w | 1u << 2 * w);
}

static void tick_line(slot_array_fast_t *a)
{
    a->wp = a->wp ? a->wp - 1 : a->depth - 1;
    memset(a->wp_q, a->wp, (size_t)a->rows);
}

static void tick_taps(slot_array_fast_t *a)
{
    a->v_base = a->v_base ? a->v_base - 1 : SLOT_FAST_COLUMNS - 1;
    for (int r = 0; r < a->rows; ++r) {
        a->v[r][a->v_base] = a->v[r][a->v_base + SLOT_FAST_COLUMNS] = a->left[r];
    }
    a->h_base = a->h_base ? a->h_base - 1 : a->rows - 1;
    memcpy(a->h[a->h_base], a->top, (size_t)a->columns * sizeof *a->top);
    if (!a->tag_base) {
        memcpy(a->tags + SLOT_FAST_TAGS, a->tags, SLOT_FAST_WINDOW * sizeof *a->tags);
        memcpy(a->narrow_tag + SLOT_FAST_TAGS, a->narrow_tag, SLOT_FAST_WINDOW);
        a->tag_base = SLOT_FAST_TAGS;
    }
    --a->tag_base;
    a->narrow_tag[a->tag_base] = *a->tag;
    a->tags[a->tag_base] = window_tag(*a->tag);
}

/* Each step reads what the later ones write. */
void slot_array_fast_tick(void *self)
{
    slot_array_fast_t *a = self;
    if (a->vectors) {
        step_rows_vector(a);
        tick_tails_vector(a);
    } else {
        step_rows_plain(a);
        tick_tails_plain(a);
    }
    if (*a->load && *a->load_row < a->rows) load(a, *a->load_row);
    tick_line(a);
    tick_taps(a);
}

/* ---- the table's layout ---- */

static void show_taps(const slot_array_fast_t *a)
{
    const size_t columns = (size_t)a->columns, bytes = columns * sizeof *a->v_q;
    for (int r = 0; r < a->rows; ++r) {
        memcpy(a->v_q + (size_t)r * columns, &a->v[r][a->v_base], bytes);
        memcpy(a->h_q + (size_t)r * columns, h_of(a, r), bytes);
        memcpy(a->tag_q + (size_t)r * (columns + 1), a->narrow_tag + a->tag_base + r, columns + 1);
    }
}

void slot_array_fast_show(void *self)
{
    show_taps(self);
}

void slot_array_fast_reset(void *self)
{
    slot_array_fast_t *a = self;
    a->wp = a->v_base = a->h_base = 0;
    a->tag_base = SLOT_FAST_TAGS;
    a->any_clash = false;
    memset(a->clipped, 0, sizeof a->clipped);
    memset(a->tags, 0, sizeof a->tags);
    memset(a->narrow_tag, 0, sizeof a->narrow_tag);
    memset(a->v, 0, sizeof a->v);
    memset(a->h, 0, sizeof a->h);
    for (int i = 0; i < a->rows * a->pes; ++i) a->slot_q[i] = UINT32_C(1) << a->par_at;
    for (int r = 0; r < a->rows; ++r) {
        a->tail_q[r] = (uint16_t)(1u << (2 * a->tail_w + 1));
        if (a->vectors) take_row_apart(a, r);
    }
}

void slot_array_fast_init(void *self, const design_t *d)
{
    slot_array_fast_t *a = self;
    const int col_w = fixed_bits(d->columns), gap_w = design_c4_w(d);
    a->d = d;
    a->rows = d->rows;
    a->columns = d->columns;
    a->pes = d->pes;
    a->depth = design_depth(d);
    a->most = d->columns - d->pes;
    a->drop_sddmm = drop_sddmm(d);
    a->drop_spmm = drop_spmm(d);
    a->col_at = 1 + gap_w;
    a->mode_at = a->col_at + col_w;
    a->place_w = a->mode_at + 2;
    a->nv_at = 2 * a->place_w;
    a->par_at = a->nv_at + 1;
    a->tail_w = 1 + gap_w;
    a->gap_mask = (UINT32_C(1) << gap_w) - 1;
    a->col_mask = (UINT32_C(1) << col_w) - 1;
    a->place_mask = (UINT32_C(1) << a->place_w) - 1;
    a->vectors = have_vectors();

    exp_unit_of_pe(&a->exp, d);
}

void slot_array_fast_plain(void *self)
{
    ((slot_array_fast_t *)self)->vectors = false;
}

/* ---- the table ---- */

#define FIELD(name, member)                                                                                  \
    {                                                                                                        \
        name, offsetof(slot_array_fast_t, member), sizeof *((slot_array_fast_t *)0)->member                  \
    }

static const signal_place_t fields[] = {
    FIELD("left", left),
    FIELD("top", top),
    FIELD("tag", tag),
    FIELD("load", load),
    FIELD("load_row", load_row),
    FIELD("mode", mode),
    FIELD("col", col),
    FIELD("out", out),
    FIELD("out_op", out_op),
    FIELD("sum", sum),
    FIELD("clash", clash),
    FIELD("v_q", v_q),
    FIELD("h_q", h_q),
    FIELD("tag_q", tag_q),
    FIELD("slot_q", slot_q),
    FIELD("tail_q", tail_q),
    FIELD("acc_q", acc_q),
    FIELD("score_q", score_q),
    FIELD("sat_q", sat_q),
    FIELD("line_q", line_q),
    FIELD("wp_q", wp_q),
    FIELD("sum_q", sum_q),
    FIELD("clash_q", clash_q),
    FIELD("acc_sat_q", acc_sat_q),
    FIELD("exp_sat_q", exp_sat_q),
    FIELD("sum_sat_q", sum_sat_q),
};

/* The reference's table with narrower elements. */
static int fast_signals(const design_t *d, signal_t *table)
{
    int n = slot_array_type.signals(d, table);
    signals_place(table, n, fields, sizeof fields / sizeof *fields);
    return n;
}

const block_type_t slot_array_fast_type = {
    .name = "slot_array",
    .summary = "the array under travelling control, as fast as a processor steps it",
    .size = sizeof(slot_array_fast_t),
    .clocked = true,
    .signals = fast_signals,
    .init = slot_array_fast_init,
    .reset = slot_array_fast_reset,
    .eval = slot_array_fast_eval,
    .tick = slot_array_fast_tick,
    .show = slot_array_fast_show,
    .fits = slot_array_fast_fits,
};
