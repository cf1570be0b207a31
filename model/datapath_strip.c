/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath_strip.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_AVX512 1
#endif

static bool have_avx512(void)
{
#if HAVE_AVX512
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vnni");
#else
    return false;
#endif
}

/* Products with log2(e), exponentials and their sums over as many keys as an array has columns fit 32 bits.
 */
static bool fits(const design_t *d, const exp_unit_t *e)
{
    int vp = e->x.frac + e->log2e.append, drop = d->score_exp.frac - d->score_sum.frac;
    int product_w = d->scaled.w + fixed_bits(e->log2e.num + 1);
    return d->scaled.w <= 30 && product_w <= 32 && vp <= 30 && e->lut_bits <= vp && drop >= 0 &&
           1 << e->lut_bits <= DATAPATH_STRIP_LUT && d->score_exp.w - 1 + fixed_bits(d->columns + 1) <= 31;
}

/* Sums times a row's scale fit 32 bits. */
static bool scores_fit(const design_t *d)
{
    int shift = 2 * d->scale.frac - d->scaled.frac;
    return d->operand_w <= 8 && d->score_acc_w + d->scale.w <= 32 && d->scaled.w < 32 && shift >= 0;
}

void datapath_strip_init(datapath_strip_t *s, const design_t *d, const exp_unit_t *e)
{
    int vp = e->x.frac + e->log2e.append;
    *s = (datapath_strip_t){.vectors = have_avx512() && fits(d, e),
                            .scores = have_avx512() && scores_fit(d),
                            .shift = 2 * d->scale.frac - d->scaled.frac,
                            .vp = vp,
                            .lut_shift = vp - e->lut_bits,
                            .left = e->y.frac - vp,
                            .drop = d->score_exp.frac - d->score_sum.frac,
                            .num = (int32_t)e->log2e.num,
                            .exp = e,
                            .least = (int32_t)fixed_min(d->scaled.w)};
    for (int k = 0; s->vectors && k < 1 << e->lut_bits; ++k) s->lut[k] = (int32_t)e->lut[k];
}

bool datapath_strip_largest(const datapath_strip_t *s, int64_t x, int64_t *y)
{
    int64_t clipped = 0, far = x < fixed_max(s->exp->x.w) ? x : fixed_max(s->exp->x.w);
    *y = exp_unit_value(s->exp, far, &clipped);
    return !clipped && (far * s->num >> s->vp) + s->left <= 0;
}

#if HAVE_AVX512
#define AVX512 __attribute__((target("avx512f,avx512vnni")))

enum { QUADS_MAX = 32, COLUMNS_MAX = 128, TOGETHER = 4 };

/* Four elements a word, 128 added, zeros from d on: one instruction multiplies them with signed ones. Behind
   the keys one of zeros, whose sums say what was added. */
static void lift_keys(const datapath_strip_tile_t *t, uint8_t lifted[][4 * QUADS_MAX])
{
    for (int i = 0; i <= t->n; ++i) {
        const int8_t *key = t->key + (size_t)i * (size_t)t->key_stride;
        for (int e = 0; e < t->d; ++e) lifted[i][e] = (uint8_t)(128 + (i < t->n ? key[e] : 0));
        for (int e = t->d; e % 4; ++e) lifted[i][e] = 0;
    }
}

/* What is the same for all keys of 16 rows. */
typedef struct {
    __m512i head, number, most, least;
    __mmask16 there;
    __m512i max, arg;
    __mmask16 clipped;
} rows_t;

AVX512 static inline __m512i shifted(__m256i product, __m512i scale, __m128i shift)
{
    return _mm512_sra_epi64(_mm512_mul_epi32(_mm512_cvtepi32_epi64(product), scale), shift);
}

AVX512 static inline void take_score(const datapath_strip_t *s, const datapath_strip_tile_t *t, int i,
                                     rows_t *r, __m512i sum, int32_t *score)
{
    const __m128i shift = _mm_cvtsi32_si128(s->shift);
    const __m512i scale = _mm512_set1_epi64(t->scale[i]), key = _mm512_set1_epi32(t->first + i);
    __m512i product = _mm512_mullo_epi32(sum, r->head);
    __m256i low = _mm512_cvtsepi64_epi32(shifted(_mm512_castsi512_si256(product), scale, shift));
    __m256i high = _mm512_cvtsepi64_epi32(shifted(_mm512_extracti64x4_epi64(product, 1), scale, shift));
    __m512i floored = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    __m512i value = _mm512_max_epi32(_mm512_min_epi32(floored, r->most), r->least);
    __m512i lag = _mm512_set1_epi32(t->first + i - t->limit);
    __mmask16 sees = t->scale[i] < 0 ? 0 : _mm512_mask_cmpge_epi32_mask(r->there, r->number, lag);
    r->clipped |= _mm512_mask_cmpneq_epi32_mask(sees, value, floored);
    value = _mm512_mask_blend_epi32(sees, _mm512_set1_epi32(DATAPATH_NEVER), value);
    __mmask16 larger = _mm512_cmpgt_epi32_mask(value, r->max);
    r->arg = _mm512_mask_blend_epi32(larger, r->arg, key);
    r->max = _mm512_max_epi32(r->max, value);
    _mm512_storeu_si512(score, value);
}

AVX512 static inline __m512i word_of(const uint8_t *four)
{
    int32_t word;
    memcpy(&word, four, sizeof word);
    return _mm512_set1_epi32(word);
}

AVX512 static bool score_rows(const datapath_strip_t *s, const datapath_strip_tile_t *t, int first,
                              uint8_t lifted[][4 * QUADS_MAX])
{
    const __m512i iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i head = _mm512_loadu_si512(t->head + first);
    rows_t r = {.head = head,
                .number = _mm512_add_epi32(iota, _mm512_set1_epi32(first)),
                .most = _mm512_set1_epi32(-1 - s->least),
                .least = _mm512_set1_epi32(s->least),
                .max = _mm512_loadu_si512(t->max + first),
                .arg = _mm512_loadu_si512(t->arg + first)};
    r.there = _mm512_cmpge_epi32_mask(head, _mm512_setzero_si512()) &
              _mm512_cmplt_epi32_mask(r.number, _mm512_set1_epi32(t->rows));
    const int quads = (t->d + 3) / 4;
    const int8_t *query = t->query + 4 * first;
    __m512i added = _mm512_setzero_si512();
    for (int k = 0; k < quads; ++k)
        added = _mm512_dpbusd_epi32(added, word_of(&lifted[t->n][4 * k]),
                                    _mm512_loadu_si512(query + 4 * k * t->stride));
    for (int i = 0; i < t->n; i += TOGETHER) {
        const int n = t->n - i < TOGETHER ? t->n - i : TOGETHER;
        __m512i sum[TOGETHER];
        for (int j = 0; j < TOGETHER; ++j) sum[j] = _mm512_setzero_si512();
        for (int k = 0; k < quads; ++k) {
            __m512i q = _mm512_loadu_si512(query + 4 * k * t->stride);
            for (int j = 0; j < TOGETHER; ++j)
                sum[j] = _mm512_dpbusd_epi32(sum[j], word_of(&lifted[i + j][4 * k]), q);
        }
        for (int j = 0; j < n; ++j)
            take_score(s, t, i + j, &r, _mm512_sub_epi32(sum[j], added),
                       t->score + (i + j) * t->stride + first);
    }
    _mm512_storeu_si512(t->max + first, r.max);
    _mm512_storeu_si512(t->arg + first, r.arg);
    return r.clipped;
}

AVX512 static inline __m512i look_up(const __m512i lut[4], __m512i entry)
{
    __m512i first = _mm512_permutex2var_epi32(lut[0], entry, lut[1]);
    __m512i second = _mm512_permutex2var_epi32(lut[2], entry, lut[3]);
    return _mm512_mask_blend_epi32(_mm512_test_epi32_mask(entry, _mm512_set1_epi32(32)), first, second);
}

AVX512 static void sixteen_rows(const datapath_strip_t *s, int32_t *score, int n, int stride,
                                const int32_t *floored, int64_t *sums, int32_t *tops)
{
    const __m512i fraction = _mm512_set1_epi32((int32_t)((INT64_C(1) << s->vp) - 1));
    const __m512i num = _mm512_set1_epi32(s->num), left = _mm512_set1_epi32(-s->left);
    const __m512i least = _mm512_set1_epi32(s->least), never = _mm512_set1_epi32(DATAPATH_NEVER);
    const __m512i nothing = _mm512_set1_epi32(-1), subtrahend = _mm512_loadu_si512(floored);
    const __m128i vp = _mm_cvtsi32_si128(s->vp), lut_shift = _mm_cvtsi32_si128(s->lut_shift);
    const __m128i drop = _mm_cvtsi32_si128(s->drop);
    const __m512i lut[4] = {_mm512_load_si512(s->lut), _mm512_load_si512(s->lut + 16),
                            _mm512_load_si512(s->lut + 32), _mm512_load_si512(s->lut + 48)};
    __m512i sum = _mm512_setzero_si512(), top = _mm512_loadu_si512(tops);
    for (int i = 0; i < n; ++i, score += stride) {
        __m512i at = _mm512_loadu_si512(score);
        __mmask16 there = _mm512_cmpneq_epi32_mask(at, never);
        __m512i x = _mm512_max_epi32(_mm512_sub_epi32(at, subtrahend), least);
        __m512i t = _mm512_maskz_mullo_epi32(there, x, num), v = _mm512_and_si512(t, fraction);
        __m512i m = _mm512_add_epi32(v, look_up(lut, _mm512_srl_epi32(v, lut_shift)));
        __m512i y = _mm512_maskz_srlv_epi32(there, m, _mm512_sub_epi32(left, _mm512_sra_epi32(t, vp)));
        sum = _mm512_add_epi32(sum, _mm512_srl_epi32(y, drop));
        y = _mm512_mask_blend_epi32(there, nothing, y);
        top = _mm512_max_epi32(top, y);
        _mm512_storeu_si512(score, y);
    }
    _mm512_storeu_si512(tops, top);
    __m512i low = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(sum));
    __m512i high = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(sum, 1));
    _mm512_storeu_si512(sums, _mm512_add_epi64(_mm512_loadu_si512(sums), low));
    _mm512_storeu_si512(sums + 8, _mm512_add_epi64(_mm512_loadu_si512(sums + 8), high));
}
#endif

bool datapath_strip_scores(const datapath_strip_t *s, const datapath_strip_tile_t *t)
{
    bool clipped = false;
#if HAVE_AVX512
    uint8_t lifted[COLUMNS_MAX + TOGETHER][4 * QUADS_MAX];
    lift_keys(t, lifted);
    for (int r = 0; r < t->stride; r += DATAPATH_STRIP_ROWS) clipped |= score_rows(s, t, r, lifted);
#else
    (void)s, (void)t;
#endif
    return clipped;
}

void datapath_strip_exponentials(const datapath_strip_t *s, int32_t *score, int n, int stride,
                                 const int32_t *floored, int64_t *sum, int32_t *top)
{
#if HAVE_AVX512
    for (int r = 0; r < stride; r += DATAPATH_STRIP_ROWS)
        sixteen_rows(s, score + r, n, stride, floored + r, sum + r, top + r);
#else
    (void)s, (void)score, (void)n, (void)stride, (void)floored, (void)sum, (void)top;
#endif
}
