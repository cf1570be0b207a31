/* SPDX-License-Identifier: Apache-2.0 */
/* The slots of sub-rows: where columns lie, what one costs behind another. machine_pass_gather.h says what of
 * the whole this is. */
#include <limits.h>

#include "machine_pass_gather.h"
#include "vectors.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_AVX512 1
#define AVX512      __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2")))
#endif

enum { SLOTS_GROUP = 16, FAR = 12000 }; /* FAR: of a slot that holds nothing, beyond all columns */

/* ---- columns of a row ---- */

static int list_columns(const uint64_t word[2], uint8_t *column)
{
    int n = 0;
    for (int i = 0; i < 2; ++i) {
        for (uint64_t rest = word[i]; rest; rest &= rest - 1)
            column[n++] = (uint8_t)(64 * i + __builtin_ctzll(rest));
    }
    return n;
}

#if HAVE_AVX512
AVX512 static int list_columns_vector(const uint64_t word[2], uint8_t *column)
{
    static const uint8_t number[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                       16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
                                       32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
                                       48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    const __m512i numbers = _mm512_loadu_si512(number), high = _mm512_add_epi8(numbers, _mm512_set1_epi8(64));
    const int n = __builtin_popcountll(word[0]);
    _mm512_storeu_si512(column, _mm512_maskz_compress_epi8(word[0], numbers));
    if (!word[1]) return n;
    _mm512_storeu_si512(column + n, _mm512_maskz_compress_epi8(word[1], high));
    return n + __builtin_popcountll(word[1]);
}
#endif

int gather_list_columns(gather_t *g, const uint64_t word[2])
{
#if HAVE_AVX512
    if (g->vectors) return list_columns_vector(word, g->column);
#endif
    return list_columns(word, g->column);
}

/* ---- a sub-row ---- */

/* The part's columns, placed as split_place places them: slot i lies at or behind i, so much as its wish, its
   room and the slot before it say. Returns the slots, a bit each. */
static uint64_t place(const gather_t *g, datapath_sub_row_t *s)
{
    const design_t *d = g->d;
    const bool interleaved = d->split_policy == SPLIT_INTERLEAVED;
    const int from = interleaved ? g->part : g->part * d->pes, step = interleaved ? g->parts : 1;
    const int most = step == 1 ? g->kept - from : (g->kept - from + step - 1) / step;
    const int n = most < d->pes ? most : d->pes;
    const int reach = d->columns - d->pes, last = d->pes - n;
    uint64_t slots = 0;
    for (int i = 0, at = from, behind = 0; i < n; ++i, at += step) {
        int col = g->column[at], home = g->home[col], least = col - reach, room = col - i;
        int wish = (home > least ? home : least) - i;
        room = room < last ? room : last;
        behind = behind > wish ? behind : wish;
        behind = behind < room ? behind : room;
        s->col[i] = (uint8_t)col;
        s->slot[i] = (uint8_t)(i + behind);
        slots |= UINT64_C(1) << (i + behind);
    }
    s->n = n;
    return slots;
}

/* Idle slots follow their left neighbour, a head's words later. */
static void find_reach(const gather_t *g, gather_sub_row_t *s, uint64_t slots, int d)
{
    const int pes = g->d->pes, first = slots ? __builtin_ctzll(slots) : pes;
    int i = 0, col = -FAR;
    for (int k = 0; k < pes; ++k) {
        int active = slots >> k & 1, later = active ? 0 : d + 1, next = i < s->slots.n ? s->slots.col[i] : 0;
        col = active ? next : col + 1;
        i += active;
        s->reach[k] = (int16_t)col;
        s->from[k] = (int16_t)(k < first ? FAR : col + later);
    }
    s->idle = pes - first - s->slots.n;
}

#if HAVE_AVX512
/* Lanes that lie `by` higher take what is lower; `first` comes in. */
#define MOVED_UP(x, first, by) _mm512_alignr_epi32(x, first, 16 - (by))

/* A slot behind i is the one of the column before it, raised to w, lowered to u: steps that follow each other
   are one such step, so that all are found in four rounds. */
AVX512 static inline __m512i slots_behind(__m512i w, __m512i u)
{
    const __m512i least = _mm512_set1_epi32(-FAR), most = _mm512_set1_epi32(FAR);
#define ROUND(by)                                                                                            \
    {                                                                                                        \
        __m512i w_before = MOVED_UP(w, least, by), u_before = MOVED_UP(u, most, by);                         \
        u_before = _mm512_min_epi32(_mm512_max_epi32(u_before, w), u);                                       \
        w = _mm512_min_epi32(_mm512_max_epi32(w_before, w), u);                                              \
        u = u_before;                                                                                        \
    }
    ROUND(1)
    ROUND(2)
    ROUND(4)
    ROUND(8)
#undef ROUND
    return _mm512_min_epi32(_mm512_max_epi32(_mm512_setzero_si512(), w), u);
}

/* The largest of a lane and those below. */
AVX512 static inline __m512i largest_so_far(__m512i x)
{
    const __m512i least = _mm512_set1_epi32(-FAR);
    x = _mm512_max_epi32(x, MOVED_UP(x, least, 1));
    x = _mm512_max_epi32(x, MOVED_UP(x, least, 2));
    x = _mm512_max_epi32(x, MOVED_UP(x, least, 4));
    return _mm512_max_epi32(x, MOVED_UP(x, least, 8));
}

AVX512 static inline __m512i columns_of_part(const gather_t *g, int n)
{
    const bool interleaved = g->d->split_policy == SPLIT_INTERLEAVED;
    const __mmask16 there = (__mmask16)((1u << n) - 1);
    if (!interleaved || g->parts == 1) {
        const uint8_t *from = g->column + (interleaved ? 0 : g->part * g->d->pes);
        return _mm512_maskz_cvtepu8_epi32(there, _mm_loadu_si128((const __m128i *)(const void *)from));
    }
    uint8_t column[SLOTS_GROUP] = {0};
    for (int i = 0; i < n; ++i) column[i] = g->column[g->part + i * g->parts];
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)column));
}

static int columns_in_part(const gather_t *g)
{
    const int pes = g->d->pes;
    if (g->d->split_policy == SPLIT_INTERLEAVED)
        return g->parts == 1 ? g->kept : (g->kept - g->part + g->parts - 1) / g->parts;
    int left = g->kept - g->part * pes;
    return left < pes ? left : pes;
}

/* At most 16 slots, a lane each: place and find_reach at once. */
AVX512 static void make_sixteen(const gather_t *g, gather_sub_row_t *s, int d)
{
    const __m512i iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i zero = _mm512_setzero_si512(), none = _mm512_set1_epi32(-FAR);
    const int pes = g->d->pes, n = columns_in_part(g);
    const __mmask16 there = (__mmask16)((1u << n) - 1);
    __m512i col = columns_of_part(g, n);
    __m512i wish = _mm512_max_epi32(_mm512_mask_i32gather_epi32(zero, there, col, g->home, 4),
                                    _mm512_sub_epi32(col, _mm512_set1_epi32(g->d->columns - pes)));
    __m512i room = _mm512_min_epi32(_mm512_sub_epi32(col, iota), _mm512_set1_epi32(pes - n));
    __m512i slot = _mm512_add_epi32(iota, slots_behind(_mm512_sub_epi32(wish, iota), room));
    __m512i bit = _mm512_maskz_sllv_epi32(there, _mm512_set1_epi32(1), slot);
    const __mmask16 active = (__mmask16)_mm512_reduce_or_epi32(bit);
    _mm_storeu_si128((__m128i *)(void *)s->slots.col, _mm512_cvtepi32_epi8(col));
    _mm_storeu_si128((__m128i *)(void *)s->slots.slot, _mm512_cvtepi32_epi8(slot));
    s->slots.n = n;
    s->idle = pes - __builtin_ctz((unsigned)active | 1u << pes) - n;

    /* columns grow at least as fast as slots: what follows a slot is less than what is at the next */
    __m512i behind = _mm512_mask_sub_epi32(none, active, _mm512_maskz_expand_epi32(active, col), iota);
    __m512i reach = _mm512_add_epi32(largest_so_far(behind), iota);
    __mmask16 seen = _mm512_cmpge_epi32_mask(reach, zero);
    reach = _mm512_mask_blend_epi32(seen, none, reach);
    __m512i later = _mm512_add_epi32(reach, _mm512_maskz_set1_epi32((__mmask16)~active, d + 1));
    __m512i from = _mm512_mask_blend_epi32(seen, _mm512_set1_epi32(FAR), later);
    _mm256_storeu_si256((__m256i *)(void *)s->reach, _mm512_cvtepi32_epi16(reach));
    _mm256_storeu_si256((__m256i *)(void *)s->from, _mm512_cvtepi32_epi16(from));
}
#endif

void gather_make_sub_row(gather_t *g, gather_sub_row_t *s)
{
    const int d = (int)g->wires->g_d[g->tile_of[g->held_buffer].half];
    s->slots.index = g->index;
    s->buffer = g->held_buffer;
#if HAVE_AVX512
    if (g->vectors && g->d->pes <= SLOTS_GROUP) {
        make_sixteen(g, s, d);
        return;
    }
#endif
    uint64_t slots = place(g, &s->slots);
    for (int i = s->slots.n; i % DATAPATH_ROW_KEYS; ++i) s->slots.col[i] = 0; /* read, and not used */
    find_reach(g, s, slots, d);
}

/* ---- the choice ---- */

/* What costs the open pass nothing goes first, and of that what would cost another the most; equals by age.
 */
static int rank(int cost, int high, int age)
{
    int by_cost = cost <= high ? cost + 1 : -cost;
    return by_cost * GATHER_WINDOW_MAX + GATHER_WINDOW_MAX - 1 - age;
}

VECTORS static int plain_cost(const int16_t *reach, const int16_t *from, int slots)
{
    int16_t most = 0;
    for (int k = 0; k < slots; ++k) {
        int16_t h = (int16_t)(reach[k] - from[k]);
        most = h > most ? h : most;
    }
    return most;
}

static int plain_choice(const gather_t *g, const int16_t *reach, int n, int *cost)
{
    int best = INT_MIN, pick = 0;
    for (int i = 0; i < n; ++i) {
        int h = plain_cost(reach, g->window[i]->from, g->slots), is = rank(h, g->high, i);
        if (g->younger >> i & 1 || is <= best) continue;
        best = is;
        pick = i;
        *cost = h;
    }
    return pick;
}

#if HAVE_AVX512
AVX512 static inline __m256i difference(const int16_t *reach, const int16_t *from)
{
    return _mm256_sub_epi16(_mm256_loadu_si256((const __m256i *)(const void *)reach),
                            _mm256_loadu_si256((const __m256i *)(const void *)from));
}

/* A lane each: the largest of the sixteen of v[i], at least 0. */
AVX512 static inline __m256i largest_each(const __m256i v[GATHER_WINDOW_MAX])
{
    __m256i half[4], quarter[2];
    for (int i = 0; i < 4; ++i)
        half[i] = _mm256_max_epi16(_mm256_permute2x128_si256(v[i], v[i + 4], 0x20),
                                   _mm256_permute2x128_si256(v[i], v[i + 4], 0x31));
    for (int i = 0; i < 2; ++i)
        quarter[i] = _mm256_max_epi16(_mm256_unpacklo_epi64(half[i], half[i + 2]),
                                      _mm256_unpackhi_epi64(half[i], half[i + 2]));
    __m256 a = _mm256_castsi256_ps(quarter[0]), b = _mm256_castsi256_ps(quarter[1]);
    __m256i two = _mm256_max_epi16(_mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88)),
                                   _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd)));
    __m256i low = _mm256_srai_epi32(_mm256_slli_epi32(two, 16), 16), high = _mm256_srai_epi32(two, 16);
    __m256i one = _mm256_max_epi32(_mm256_max_epi32(low, high), _mm256_setzero_si256());
    return _mm256_permutevar8x32_epi32(one, _mm256_setr_epi32(0, 2, 1, 3, 4, 6, 5, 7));
}

AVX512 static inline int largest_lane(__m256i x)
{
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

/* All places have a sub-row to look at, counted or not. */
AVX512 static int vector_choice(const gather_t *g, const int16_t *reach, int n, int *cost)
{
    const __m256i age = _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0), one = _mm256_set1_epi32(1);
    __m256i v[GATHER_WINDOW_MAX];
    for (int i = 0; i < GATHER_WINDOW_MAX; ++i) v[i] = difference(reach, g->window[i]->from);
    for (int k = SLOTS_GROUP; k < g->slots; k += SLOTS_GROUP) {
        for (int i = 0; i < GATHER_WINDOW_MAX; ++i)
            v[i] = _mm256_max_epi16(v[i], difference(reach + k, g->window[i]->from + k));
    }
    const __mmask8 there = (__mmask8)(((1u << n) - 1) & ~g->younger);
    __m256i h = largest_each(v);
    __mmask8 dear = _mm256_cmpgt_epi32_mask(h, _mm256_set1_epi32(g->high));
    __m256i by_cost = _mm256_mask_sub_epi32(_mm256_add_epi32(h, one), dear, _mm256_setzero_si256(), h);
    __m256i ranks = _mm256_add_epi32(_mm256_slli_epi32(by_cost, 3), age);
    int best = largest_lane(_mm256_mask_blend_epi32(there, _mm256_set1_epi32(INT_MIN), ranks));
    *cost = best >> 3 > 0 ? (best >> 3) - 1 : -(best >> 3);
    return GATHER_WINDOW_MAX - 1 - (best & (GATHER_WINDOW_MAX - 1));
}
#endif

/* The row of the pass before that the next sub-row follows, or NULL. */
static const gather_sub_row_t *row_before(gather_t *g)
{
    const gather_bank_t *before = gather_bank(g, gather_last(g->closed));
    return g->fill < before->count ? before->row[g->fill] : NULL;
}

int gather_cost(gather_t *g, const gather_sub_row_t *s)
{
    const gather_sub_row_t *before = row_before(g);
    return before ? plain_cost(before->reach, s->from, g->slots) : 0;
}

/* Of those that are the oldest of their query, in the tile whose turn it is. */
int gather_choose(gather_t *g, int *cost)
{
    const gather_sub_row_t *before = row_before(g);
    const int n = g->of_buffer[g->window[0]->buffer];
    *cost = 0;
    if (!before) return 0;
#if HAVE_AVX512
    if (g->vectors) return vector_choice(g, before->reach, n, cost);
#endif
    return plain_choice(g, before->reach, n, cost);
}

/* ---- opening ---- */

void gather_init_slots(gather_t *g, const design_t *d)
{
    g->slots = (d->pes + SLOTS_GROUP - 1) / SLOTS_GROUP * SLOTS_GROUP;
#if HAVE_AVX512
    g->vectors = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                 __builtin_cpu_supports("avx512vbmi2");
#endif
    for (int n = 0; n <= d->columns; ++n) g->parts_of[n] = split_parts(d, n);
    for (int c = 0; c < d->columns; ++c)
        g->home[c] = d->columns > 1 && d->slots == SLOTS_HOME ? split_home(d, c) : 0;
}

void gather_reset_slots(gather_t *g)
{
    for (int i = 0; i < GATHER_SUB_ROWS_MAX; ++i) {
        for (int k = 0; k < DATAPATH_PES_MAX; ++k) g->sub_row[i].reach[k] = -FAR;
    }
}
