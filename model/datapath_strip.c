/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath_strip.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_AVX512 1
#endif

static bool have_avx512(void)
{
#if HAVE_AVX512
    return __builtin_cpu_supports("avx512f");
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

void datapath_strip_init(datapath_strip_t *s, const design_t *d, const exp_unit_t *e)
{
    int vp = e->x.frac + e->log2e.append;
    *s = (datapath_strip_t){.vectors = have_avx512() && fits(d, e),
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
#define AVX512 __attribute__((target("avx512f")))

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
