/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath_row.h"

#include <string.h>

#include "vectors.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_AVX512 1
#endif

enum { LUT_BITS_MAX = 6 };

static bool have_avx512(void)
{
#if HAVE_AVX512
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

void datapath_row_init(datapath_row_t *r, const design_t *d, const exp_unit_t *e, int stride)
{
    *r = (datapath_row_t){.drop_k = d->q.frac + d->k.frac - d->acc.frac,
                          .drop_v = d->score.frac + d->v.frac - d->out.frac,
                          .stride = stride,
                          .vp = e->x.frac + e->log2e.append,
                          .left = e->y.frac - e->x.frac - e->log2e.append,
                          .y_w = e->y.w,
                          .num = e->log2e.num,
                          .lut64 = e->lut};
    r->lut_shift = r->vp - e->lut_bits;
    r->fits = d->acc.w <= 32 && d->out.w <= 32 && d->score.w <= 32 && r->drop_k < 32 && r->drop_v < 48;
    r->vectors = r->fits && have_avx512() && r->drop_k <= 15 && r->drop_v <= 12 && r->vp <= 30 &&
                 e->lut_bits <= LUT_BITS_MAX;
    for (int k = 0; r->vectors && k < 1 << e->lut_bits; ++k) r->lut[k] = (int32_t)e->lut[k];
}

void datapath_row_plain(datapath_row_t *r)
{
    r->vectors = false;
}

int32_t datapath_row_most(const datapath_row_t *r)
{
    return r->vectors ? (INT32_C(1) << (15 + r->drop_v)) - 1 : INT32_MAX;
}

/* ---- plain ---- */

VECTORS static int32_t dot(const int16_t *q, const int16_t *k, int d, int drop)
{
    int32_t sum = 0;
    for (int e = 0; e < d; ++e) sum += (q[e] * k[e]) >> drop;
    return sum;
}

VECTORS static int exponentials(const datapath_row_t *r, const int32_t *score, int32_t bias, int32_t *y,
                                int n)
{
    const int64_t fraction = (INT64_C(1) << r->vp) - 1, most = (INT64_C(1) << (r->y_w - 1)) - 1;
    int bad = 0;
    for (int i = 0; i < n; ++i) {
        int64_t t = ((int64_t)score[i] - bias) * r->num, v = t & fraction, right = -((t >> r->vp) + r->left);
        int64_t m = v + r->lut64[v >> r->lut_shift], value = m >> ((right > 62 ? 63 : right) & 63);
        bad |= (right < 0) | (value > most);
        y[i] = (int32_t)value;
    }
    return bad;
}

static bool plain_scores(const datapath_row_t *r, const int16_t *q, const int16_t *k, const int32_t *col,
                         int n, int d, int32_t bias, int32_t *y)
{
    int32_t score[DATAPATH_ROW_KEYS];
    for (int i = 0; i < n; ++i) score[i] = dot(q, k + (size_t)col[i] * (size_t)r->stride, d, r->drop_k);
    for (int i = n; i < DATAPATH_ROW_KEYS; ++i) y[i] = 0;
    return !exponentials(r, score, bias, y, n);
}

VECTORS static void add_key(const int16_t *v, int d, int32_t y, int drop, int32_t *word)
{
    for (int f = 0; f < d; ++f) word[f] += (int32_t)(((int64_t)y * v[f]) >> drop);
}

static void plain_words(const datapath_row_t *r, const int16_t *v, const int32_t *col, int n, int d,
                        const int32_t *y, int32_t *word)
{
    for (int i = 0; i < n; ++i) add_key(v + (size_t)col[i] * (size_t)r->stride, d, y[i], r->drop_v, word);
}

/* ---- 16 keys at a time ---- */

#if HAVE_AVX512
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

/* Lane i of the result: the sum of part[i]'s lanes. */
AVX512 static inline __m512i add_across(const __m512i part[16])
{
    __m512i pair[8], four[4], eight[2];
    for (int i = 0; i < 8; ++i)
        pair[i] = _mm512_add_epi32(_mm512_unpacklo_epi32(part[i], part[i + 8]),
                                   _mm512_unpackhi_epi32(part[i], part[i + 8]));
    for (int i = 0; i < 4; ++i)
        four[i] = _mm512_add_epi32(_mm512_unpacklo_epi32(pair[i], pair[i + 4]),
                                   _mm512_unpackhi_epi32(pair[i], pair[i + 4]));
    /* each 128 bits of four[i]: parts i, i + 4, i + 8, i + 12 */
    for (int i = 0; i < 2; ++i)
        eight[i] = _mm512_add_epi32(_mm512_shuffle_i32x4(four[2 * i], four[2 * i + 1], 0x88),
                                    _mm512_shuffle_i32x4(four[2 * i], four[2 * i + 1], 0xdd));
    __m512i all = _mm512_add_epi32(_mm512_shuffle_i32x4(eight[0], eight[1], 0x88),
                                   _mm512_shuffle_i32x4(eight[0], eight[1], 0xdd));
    /* 128 bits i of `all`: parts i, i + 4, i + 8, i + 12 */
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, all);
}

AVX512 static inline __m512i products(const int16_t *q, const int16_t *k, int d, __m512i low)
{
    const __m512i ones = _mm512_set1_epi16(1);
    __m512i sum = _mm512_setzero_si512();
    for (int e = 0; e < d; e += DATAPATH_ROW_GROUP) {
        __m512i a = _mm512_loadu_si512(q + e), b = _mm512_loadu_si512(k + e);
        __m512i rest = _mm512_and_si512(_mm512_mullo_epi16(a, b), low);
        __m512i whole = _mm512_sub_epi32(_mm512_madd_epi16(a, b), _mm512_madd_epi16(rest, ones));
        sum = _mm512_add_epi32(sum, whole);
    }
    return sum;
}

AVX512 static bool vector_scores(const datapath_row_t *r, const int16_t *q, const int16_t *k,
                                 const int32_t *col, int n, int d, int32_t bias, int32_t *y)
{
    const __m512i low = _mm512_set1_epi16((int16_t)((1 << r->drop_k) - 1));
    const __mmask16 there = (__mmask16)((1u << n) - 1);
    __m512i part[DATAPATH_ROW_KEYS];
    for (int i = 0; i < n; ++i) part[i] = products(q, k + (size_t)col[i] * (size_t)r->stride, d, low);
    for (int i = n; i < DATAPATH_ROW_KEYS; ++i) part[i] = _mm512_setzero_si512();
    __m512i score = _mm512_srav_epi32(add_across(part), _mm512_set1_epi32(r->drop_k));

    __m512i x = _mm512_sub_epi32(score, _mm512_set1_epi32(bias));
    const __m512i num = _mm512_set1_epi64(r->num), fraction = _mm512_set1_epi64((INT64_C(1) << r->vp) - 1);
    const __m128i vp = _mm_cvtsi32_si128(r->vp);
    __m512i even = _mm512_mul_epi32(x, num), odd = _mm512_mul_epi32(_mm512_srli_epi64(x, 32), num);
    __m512i u = _mm512_mask_blend_epi32(0xaaaa, _mm512_sra_epi64(even, vp),
                                        _mm512_slli_epi64(_mm512_sra_epi64(odd, vp), 32));
    __m512i v = _mm512_mask_blend_epi32(0xaaaa, _mm512_and_si512(even, fraction),
                                        _mm512_slli_epi64(_mm512_and_si512(odd, fraction), 32));
    __m512i entry = _mm512_srl_epi32(v, _mm_cvtsi32_si128(r->lut_shift));
    __m512i first =
        _mm512_permutex2var_epi32(_mm512_load_si512(r->lut), entry, _mm512_load_si512(r->lut + 16));
    __m512i second =
        _mm512_permutex2var_epi32(_mm512_load_si512(r->lut + 32), entry, _mm512_load_si512(r->lut + 48));
    __mmask16 upper = _mm512_test_epi32_mask(entry, _mm512_set1_epi32(32));
    __m512i m = _mm512_add_epi32(v, _mm512_mask_blend_epi32(upper, first, second));
    __m512i right = _mm512_sub_epi32(_mm512_set1_epi32(-r->left), u);
    __m512i value = _mm512_maskz_srlv_epi32(there, m, right);
    const __m512i most = _mm512_set1_epi32((int32_t)((INT64_C(1) << (r->y_w - 1)) - 1));
    __mmask16 bad = _mm512_mask_cmplt_epi32_mask(there, right, _mm512_setzero_si512()) |
                    _mm512_mask_cmpgt_epi32_mask(there, value, most);
    _mm512_storeu_si512(y, value);
    return !bad;
}

/* Two keys' words side by side in 32 bits: one instruction multiplies both and adds. */
AVX512 static void vector_words(const datapath_row_t *r, const int16_t *v, const int32_t *col, int n, int d,
                                const int32_t *y, int32_t *word)
{
    const __m512i ones = _mm512_set1_epi16(1), zero = _mm512_setzero_si512();
    const __m512i low = _mm512_set1_epi16((int16_t)((1 << r->drop_v) - 1));
    const __m128i drop = _mm_cvtsi32_si128(r->drop_v);
    const __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    const __m512i second = _mm512_setr_epi32(8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    _Alignas(32) int32_t highs[DATAPATH_ROW_KEYS / 2], lows[DATAPATH_ROW_KEYS / 2];
    __m512i all = _mm512_loadu_si512(y);
    _mm256_store_si256((__m256i *)(void *)highs, _mm512_cvtepi32_epi16(_mm512_srl_epi32(all, drop)));
    _mm256_store_si256((__m256i *)(void *)lows,
                       _mm256_and_si256(_mm512_cvtepi32_epi16(all), _mm512_castsi512_si256(low)));
    for (int f = 0; f < d; f += DATAPATH_ROW_GROUP) {
        __m512i high_a = zero, high_b = zero, low_a = zero, low_b = zero, rest_a = zero, rest_b = zero;
        for (int i = 0; i < n; i += 2) {
            __m512i v0 = _mm512_loadu_si512(v + (size_t)col[i] * (size_t)r->stride + f);
            __m512i v1 = _mm512_loadu_si512(v + (size_t)col[i + 1] * (size_t)r->stride + f);
            __m512i a = _mm512_unpacklo_epi16(v0, v1), b = _mm512_unpackhi_epi16(v0, v1);
            __m512i yh = _mm512_set1_epi32(highs[i / 2]), yl = _mm512_set1_epi32(lows[i / 2]);
            high_a = _mm512_add_epi32(high_a, _mm512_madd_epi16(a, yh));
            high_b = _mm512_add_epi32(high_b, _mm512_madd_epi16(b, yh));
            low_a = _mm512_add_epi32(low_a, _mm512_madd_epi16(a, yl));
            low_b = _mm512_add_epi32(low_b, _mm512_madd_epi16(b, yl));
            rest_a = _mm512_add_epi16(rest_a, _mm512_and_si512(_mm512_mullo_epi16(a, yl), low));
            rest_b = _mm512_add_epi16(rest_b, _mm512_and_si512(_mm512_mullo_epi16(b, yl), low));
        }
        low_a = _mm512_sub_epi32(low_a, _mm512_madd_epi16(rest_a, ones));
        low_b = _mm512_sub_epi32(low_b, _mm512_madd_epi16(rest_b, ones));
        __m512i a = _mm512_add_epi32(high_a, _mm512_sra_epi32(low_a, drop));
        __m512i b = _mm512_add_epi32(high_b, _mm512_sra_epi32(low_b, drop));
        __m512i w0 = _mm512_permutex2var_epi32(a, first, b), w1 = _mm512_permutex2var_epi32(a, second, b);
        _mm512_storeu_si512(word + f, _mm512_add_epi32(_mm512_loadu_si512(word + f), w0));
        _mm512_storeu_si512(word + f + 16, _mm512_add_epi32(_mm512_loadu_si512(word + f + 16), w1));
    }
}
#endif

/* ---- both ---- */

bool datapath_row_scores(const datapath_row_t *r, const int16_t *q, const int16_t *k, const int32_t *col,
                         int n, int d, int32_t bias, int32_t *y)
{
#if HAVE_AVX512
    if (r->vectors) return vector_scores(r, q, k, col, n, d, bias, y);
#endif
    return plain_scores(r, q, k, col, n, d, bias, y);
}

void datapath_row_words(const datapath_row_t *r, const int16_t *v, const int32_t *col, int n, int d,
                        const int32_t *y, int32_t *word)
{
#if HAVE_AVX512
    if (r->vectors) {
        vector_words(r, v, col, n, d, y, word);
        return;
    }
#endif
    plain_words(r, v, col, n, d, y, word);
}
