/*
 * The inner loops of inference on the CPU, for rwkv4j's NativeKernels. Every function gives the same bits as its
 * counterpart in ScalarKernels.java, on every instruction set: an output is one chain of fused multiply-adds in a fixed
 * order, and a vector only holds 16 outputs side by side.
 *
 * This file is compiled once for each instruction set, with RWKV(name) giving the functions a suffix; dispatch.c chooses.
 * Vectors are GCC's (16 numbers, whatever the registers hold); only what these can't express is written in intrinsics.
 */
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "kernels.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

typedef float floats __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint8_t bytes __attribute__((vector_size(64), aligned(1), may_alias));

#if !defined(__AVX512F__)
#if defined(__x86_64__)
#define PARTS 2
typedef __m256 float_part;
#else
#define PARTS 4
typedef float32x4_t float_part;
#endif
/* 16 numbers as the registers hold them. */
typedef union {
    floats whole;
    float_part part[PARTS];
} parts;
#endif

ALWAYS_INLINE floats load(const float *p) {
    return *(const floats *) p;
}

ALWAYS_INLINE void store(float *p, floats x) {
    *(floats *) p = x;
}

ALWAYS_INLINE floats broadcast(float x) {
    return x - (floats) {};
}

/* a * b + c, rounded once. */
ALWAYS_INLINE floats fma16(floats a, floats b, floats c) {
#if defined(__AVX512F__)
    return (floats) _mm512_fmadd_ps((__m512) a, (__m512) b, (__m512) c);
#else
    const parts pa = {a}, pb = {b}, pc = {c};
    parts out;
    for (int i = 0; i < PARTS; i++) {
#if defined(__x86_64__)
        out.part[i] = _mm256_fmadd_ps(pa.part[i], pb.part[i], pc.part[i]);
#else
        out.part[i] = vfmaq_f32(pc.part[i], pa.part[i], pb.part[i]);
#endif
    }
    return out.whole;
#endif
}

/* 16 finite float16 numbers. */
ALWAYS_INLINE floats halves(const uint16_t *p) {
#if defined(__AVX512F__)
    return (floats) _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) p));
#elif defined(__x86_64__)
    parts out;
    out.part[0] = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) p));
    out.part[1] = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (p + 8)));
    return out.whole;
#else
    parts out;
    for (int i = 0; i < PARTS; i++) {
        out.part[i] = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i)));
    }
    return out.whole;
#endif
}

/* 16 bfloat16 numbers. */
ALWAYS_INLINE floats bfloats(const uint16_t *p) {
    ints bits;
    for (int i = 0; i < 16; i++) {
        bits[i] = (int32_t) ((uint32_t) p[i] << 16);
    }
    return (floats) bits;
}

/* Columns k to k + 3 of a block of quantised weights: four bytes for each of the 16 rows. */
ALWAYS_INLINE bytes four_columns(const uint8_t *block, int k, const int type) {
    if (type == TYPE_Q8) {
        return *(const bytes *) (block + 2 * PANEL + PANEL * k);
    }
    const bytes both = *(const bytes *) (block + 2 * PANEL + PANEL * (k % 16));
    return (bytes) (k < 16 ? (bytes) (both & 15) : (bytes) (both >> 4));
}

/*
 * sum[i] += the dot product of w[i][0..3] and x[0..3]. 8-bit weights are stored with 128 added, as VNNI wants them; where
 * they are taken as they lie, a product's sum begins at -128 times the sum of x, where SIGNED_DOT they are made signed
 * first. 4-bit weights have 8 added, and their sums begin at -8 times the sum of x.
 */
ALWAYS_INLINE ints dot4(ints sum, bytes w, const int8_t *x, const int type) {
    int32_t four;
    memcpy(&four, x, 4);
#if defined(__AVX512VNNI__)
#define SIGNED_DOT 0
    (void) type;
    return (ints) _mm512_dpbusd_epi32((__m512i) sum, (__m512i) w, _mm512_set1_epi32(four));
#elif defined(__x86_64__)
#define SIGNED_DOT 0
    const __m256i xs = _mm256_set1_epi32(four), ones = _mm256_set1_epi16(1);
    union {
        ints whole;
        __m256i part[2];
    } out = {sum};
    const union {
        bytes whole;
        __m256i part[2];
    } in = {w};
    for (int i = 0; i < 2; i++) {
        const __m256i weights = in.part[i];
        if (type == TYPE_Q4) {
            out.part[i] = _mm256_add_epi32(out.part[i], _mm256_madd_epi16(_mm256_maddubs_epi16(weights, xs), ones));
            continue;
        }
        /* The highest bit by itself: sums of two products must stay within 16 bits. */
        const __m256i low = _mm256_and_si256(weights, _mm256_set1_epi8(0x7f));
        const __m256i high = _mm256_and_si256(_mm256_srli_epi16(weights, 7), _mm256_set1_epi8(1));
        const __m256i lows = _mm256_madd_epi16(_mm256_maddubs_epi16(low, xs), ones);
        const __m256i highs = _mm256_madd_epi16(_mm256_maddubs_epi16(high, xs), ones);
        out.part[i] = _mm256_add_epi32(out.part[i], _mm256_add_epi32(lows, _mm256_slli_epi32(highs, 7)));
    }
    return out.whole;
#else
#define SIGNED_DOT 1
    const int8x16_t xs = vreinterpretq_s8_s32(vdupq_n_s32(four));
    union {
        ints whole;
        int32x4_t part[4];
    } out = {sum};
    const union {
        bytes whole;
        uint8x16_t part[4];
    } in = {w};
    for (int i = 0; i < 4; i++) {
        const int8x16_t weights = vreinterpretq_s8_u8(veorq_u8(in.part[i], vdupq_n_u8(type == TYPE_Q8 ? 0x80 : 0)));
#if defined(__ARM_FEATURE_DOTPROD)
        out.part[i] = vdotq_s32(out.part[i], weights, xs);
#else
        const int16x8_t low = vmull_s8(vget_low_s8(weights), vget_low_s8(xs));
        const int16x8_t high = vmull_high_s8(weights, xs);
        out.part[i] = vaddq_s32(out.part[i], vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
#endif
    }
    return out.whole;
#endif
}

ALWAYS_INLINE floats max16(floats a, floats b) {
    ints larger = a > b;
    return (floats) ((larger & (ints) a) | (~larger & (ints) b));
}

ALWAYS_INLINE floats min16(floats a, floats b) {
    ints smaller = a < b;
    return (floats) ((smaller & (ints) a) | (~smaller & (ints) b));
}

/* e^x to about one unit in the last place: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2] (Cephes). */
ALWAYS_INLINE floats exp16(floats x) {
    const float rounding = 12582912.0f;
    floats clamped = min16(max16(x, broadcast(-87.33f)), broadcast(88.37f));
    floats n = fma16(clamped, broadcast(1.44269504f), broadcast(rounding)) - rounding;
    floats r = fma16(n, broadcast(2.12194440e-4f), fma16(n, broadcast(-0.693359375f), clamped));
    floats p = broadcast(1.9875691500e-4f);
    p = fma16(p, r, broadcast(1.3981999507e-3f));
    p = fma16(p, r, broadcast(8.3334519073e-3f));
    p = fma16(p, r, broadcast(4.1665795894e-2f));
    p = fma16(p, r, broadcast(1.6666665459e-1f));
    p = fma16(p, r, broadcast(5.0000001201e-1f));
    floats e = fma16(p, r * r, r) + 1.0f;
    ints power = __builtin_convertvector(n, ints);
    return e * (floats) ((power + 127) << 23);
}

ALWAYS_INLINE floats sigmoid16(floats z) {
    return 1.0f / (1.0f + exp16(-z));
}

ALWAYS_INLINE void finish(floats z, const float *bias, int epilogue, float *out) {
    if (bias) {
        z += load(bias);
    }
    switch (epilogue) {
        case EPILOGUE_SIGMOID:
            z = sigmoid16(z);
            break;
        case EPILOGUE_TANH:
            z = 1.0f - 2.0f / (1.0f + exp16(2.0f * z));
            break;
        case EPILOGUE_RELU_SQUARED:
            z = max16(z, broadcast(0)) * max16(z, broadcast(0));
            break;
        case EPILOGUE_SILU:
            z = z * sigmoid16(z);
            break;
        case EPILOGUE_MISH: {
            floats e = exp16(min16(z, broadcast(20)));
            floats n = e * (e + 2.0f);
            z = z * (n / (n + 2.0f));
            break;
        }
        case EPILOGUE_DECAY6:
            z = exp16(-exp16(z));
            break;
        case EPILOGUE_DECAY7:
            z = exp16(-0.6065306597f * sigmoid16(z));
            break;
        case EPILOGUE_ADD:
            z = load(out) + z;
            break;
        case EPILOGUE_MULTIPLY:
            z = load(out) * z;
            break;
    }
    store(out, z);
}

/* How many rows and panels fit into the registers. */
#if defined(__AVX512F__)
#define ROWS 6
#define PANELS 2
#else
#define ROWS 2
#define PANELS 1
#endif

/* R rows times P panels of quantised weights, in registers. */
ALWAYS_INLINE void tile_integers(
        const struct product *m, int panel, int row, const int R, const int P, const int type) {
    const long block_bytes = type == TYPE_Q8 ? Q8_BLOCK_BYTES : Q4_BLOCK_BYTES;
    const uint8_t *w = m->weights + panel * m->panel_bytes;
    const int8_t *x = m->quants + row * m->in_stride;
    const long blocks_in_row = m->in_stride / BLOCK;
    const float *scales = m->scales + row * blocks_in_row;
    const int32_t *offsets = m->offsets + row * blocks_in_row;
    floats sum[6][2];
    for (int r = 0; r < R; r++) {
        for (int p = 0; p < P; p++) {
            sum[r][p] = broadcast(0);
        }
    }
    for (int block = 0; block < m->blocks; block++) {
        const uint8_t *here = w + block * block_bytes;
        ints dot[6][2];
        for (int r = 0; r < R; r++) {
            for (int p = 0; p < P; p++) {
                const int32_t offset = offsets[r * blocks_in_row + block];
                dot[r][p] = (type == TYPE_Q4 ? offset / 16 : SIGNED_DOT ? 0 : offset) - (ints) {};
            }
        }
        for (int k = 0; k < BLOCK; k += 4) {
            for (int p = 0; p < P; p++) {
                const bytes weights = four_columns(here + p * m->panel_bytes, k, type);
                for (int r = 0; r < R; r++) {
                    dot[r][p] = dot4(dot[r][p], weights, x + r * m->in_stride + block * BLOCK + k, type);
                }
            }
        }
        for (int p = 0; p < P; p++) {
            floats scale = halves((const uint16_t *) (here + p * m->panel_bytes));
            for (int r = 0; r < R; r++) {
                floats exact = __builtin_convertvector(dot[r][p], floats);
                sum[r][p] = fma16(exact, scale * scales[r * blocks_in_row + block], sum[r][p]);
            }
        }
    }
    for (int r = 0; r < R; r++) {
        for (int p = 0; p < P; p++) {
            const int column = (panel + p) * PANEL;
            finish(sum[r][p], m->bias ? m->bias + column : 0, m->epilogue, m->out + (row + r) * m->out_stride + column);
        }
    }
}

/* The 16 weights of a column. */
ALWAYS_INLINE floats column(const uint8_t *panel, long k, const int type) {
    switch (type) {
        case TYPE_F16:
            return halves((const uint16_t *) panel + PANEL * k);
        case TYPE_BF16:
            return bfloats((const uint16_t *) panel + PANEL * k);
        default:
            return load((const float *) panel + PANEL * k);
    }
}

/* R rows times P panels of floating-point weights, in registers. */
ALWAYS_INLINE void tile_floats(
        const struct product *m, const uint8_t *w, long panel_bytes, int panel, int row, const int R, const int P,
        const int type) {
    const float *x = m->in + row * m->in_stride;
    floats sum[6][2];
    for (int r = 0; r < R; r++) {
        for (int p = 0; p < P; p++) {
            sum[r][p] = broadcast(0);
        }
    }
    for (int k = 0; k < m->columns; k++) {
        for (int p = 0; p < P; p++) {
            floats weights = column(w + p * panel_bytes, k, type);
            for (int r = 0; r < R; r++) {
                sum[r][p] = fma16(weights, broadcast(x[r * m->in_stride + k]), sum[r][p]);
            }
        }
    }
    for (int r = 0; r < R; r++) {
        for (int p = 0; p < P; p++) {
            const int to = (panel + p) * PANEL;
            finish(sum[r][p], m->bias ? m->bias + to : 0, m->epilogue, m->out + (row + r) * m->out_stride + to);
        }
    }
}

/* Calls tile(first row, number of rows) for all rows, the number a constant each time. */
#define FOR_TILES(rows, tile)                           \
    do {                                                \
        int row = 0;                                    \
        for (; row + ROWS <= (rows); row += ROWS) {     \
            tile(row, ROWS);                            \
        }                                               \
        switch ((rows) - row) {                         \
            case 1: tile(row, 1); break;                \
            case 2: tile(row, 2); break;                \
            case 3: tile(row, 3); break;                \
            case 4: tile(row, 4); break;                \
            case 5: tile(row, 5); break;                \
        }                                               \
    } while (0)

ALWAYS_INLINE void rows_integers(const struct product *m, int panel, const int P, const int type) {
#define TILE(row, R) tile_integers(m, panel, row, R, P, type)
    FOR_TILES(m->rows, TILE);
#undef TILE
}

ALWAYS_INLINE void rows_floats(
        const struct product *m, const uint8_t *w, long panel_bytes, int panel, const int P, const int type) {
#define TILE(row, R) tile_floats(m, w, panel_bytes, panel, row, R, P, type)
    FOR_TILES(m->rows, TILE);
#undef TILE
}

ALWAYS_INLINE void panels_floats(const struct product *m, int panel, float *scratch, const int P, const int type) {
    const uint8_t *w = m->weights + panel * m->panel_bytes;
    if (type == TYPE_F32 || m->rows <= ROWS) {
        rows_floats(m, w, m->panel_bytes, panel, P, type);
        return;
    }
    /* Widened once for all rows; it stays in the second-level cache. */
    const long widened = (long) PANEL * m->columns;
    for (int p = 0; p < P; p++) {
        for (int k = 0; k < m->columns; k++) {
            store(scratch + p * widened + PANEL * k, column(w + p * m->panel_bytes, k, type));
        }
    }
    rows_floats(m, (const uint8_t *) scratch, 4 * widened, panel, P, TYPE_F32);
}

ALWAYS_INLINE void panels(const struct product *m, int panel, float *scratch, const int P) {
    switch (m->type) {
        case TYPE_F32: panels_floats(m, panel, scratch, P, TYPE_F32); break;
        case TYPE_F16: panels_floats(m, panel, scratch, P, TYPE_F16); break;
        case TYPE_BF16: panels_floats(m, panel, scratch, P, TYPE_BF16); break;
        case TYPE_Q8: rows_integers(m, panel, P, TYPE_Q8); break;
        case TYPE_Q4: rows_integers(m, panel, P, TYPE_Q4); break;
    }
}

void RWKV(multiply)(const struct product *m, int first, int last, float *scratch) {
    int panel = first;
    for (; panel + PANELS <= last; panel += PANELS) {
        panels(m, panel, scratch, PANELS);
    }
    for (; panel < last; panel++) {
        panels(m, panel, scratch, 1);
    }
}

/* One row in blocks of 32: a scale |x|max / 127 and the integers nearest to x / scale; offsets as in struct product. */
void RWKV(quantize)(const float *x, int8_t *quants, float *scales, int32_t *offsets, int n) {
    const float rounding = 12582912.0f;
    for (int block = 0; block * BLOCK < n; block++) {
        const int present = n - block * BLOCK < BLOCK ? n - block * BLOCK : BLOCK;
        float padded[BLOCK] = {0};
        memcpy(padded, x + block * BLOCK, sizeof(float) * present);
        float max = 0;
        for (int k = 0; k < BLOCK; k++) {
            const float magnitude = __builtin_fabsf(padded[k]);
            max = magnitude > max ? magnitude : max;
        }
        const float inverse = max < 1e-30f ? 0 : 127 / max;
        int32_t sum = 0;
        for (int k = 0; k < BLOCK; k++) {
            const int32_t q = (int32_t) (padded[k] * inverse + rounding - rounding);
            quants[block * BLOCK + k] = (int8_t) q;
            sum += q;
        }
        scales[block] = max / 127;
        offsets[block] = -128 * sum;
    }
}

/* V vectors of value channels of one row; enough of them hide the latency of the multiply-adds. */
ALWAYS_INLINE void wkv7_channels(const struct wkv7 *t, float *s, long at, int i, const int V) {
    const int n = t->head_size;
    floats sa[4], out[4], v[4];
    for (int c = 0; c < V; c++) {
        sa[c] = broadcast(0);
        out[c] = broadcast(0);
        v[c] = load(t->v + at + i + 16 * c);
    }
    for (int j = 0; j < n; j++) {
        for (int c = 0; c < V; c++) {
            sa[c] = fma16(load(s + (long) j * n + i + 16 * c), broadcast(-t->kk[at + j]), sa[c]);
        }
    }
    for (int j = 0; j < n; j++) {
        const floats w = broadcast(t->w[at + j]), k = broadcast(t->k[at + j]), r = broadcast(t->r[at + j]);
        const floats b = broadcast(t->kk[at + j] * t->a[at + j]);
        for (int c = 0; c < V; c++) {
            float *here = s + (long) j * n + i + 16 * c;
            const floats next = fma16(v[c], k, fma16(sa[c], b, load(here) * w));
            store(here, next);
            out[c] = fma16(next, r, out[c]);
        }
    }
    for (int c = 0; c < V; c++) {
        store(t->out + at + i + 16 * c, out[c]);
    }
}

static void wkv7_channel(const struct wkv7 *t, float *s, long at, int i) {
    const int n = t->head_size;
    float sa = 0, out = 0;
    for (int j = 0; j < n; j++) {
        sa = __builtin_fmaf(s[(long) j * n + i], -t->kk[at + j], sa);
    }
    for (int j = 0; j < n; j++) {
        float *here = s + (long) j * n + i;
        const float learned = __builtin_fmaf(sa, t->kk[at + j] * t->a[at + j], *here * t->w[at + j]);
        *here = __builtin_fmaf(t->v[at + i], t->k[at + j], learned);
        out = __builtin_fmaf(*here, t->r[at + j], out);
    }
    t->out[at + i] = out;
}

void RWKV(wkv7)(const struct wkv7 *t, float *s, int channel, int first, int last) {
    for (int row = first; row < last; row++) {
        const long at = row * t->stride + channel;
        int i = 0;
        for (; i + 64 <= t->head_size; i += 64) {
            wkv7_channels(t, s, at, i, 4);
        }
        for (; i + 16 <= t->head_size; i += 16) {
            wkv7_channels(t, s, at, i, 1);
        }
        for (; i < t->head_size; i++) {
            wkv7_channel(t, s, at, i);
        }
    }
}

ALWAYS_INLINE void wkv6_channels(
        const struct rkv *t, float *s, const float *decay, long at, int j, float bonus, const int V) {
    const int n = t->head_size;
    floats out[4], v[4];
    for (int c = 0; c < V; c++) {
        out[c] = broadcast(0);
        v[c] = load(t->v + at + j + 16 * c);
    }
    for (int i = 0; i < n; i++) {
        const floats w = broadcast(decay[i]), k = broadcast(t->k[at + i]), r = broadcast(t->r[at + i]);
        for (int c = 0; c < V; c++) {
            float *here = s + (long) i * n + j + 16 * c;
            const floats old = load(here);
            out[c] = fma16(old, r, out[c]);
            store(here, fma16(old, w, k * v[c]));
        }
    }
    for (int c = 0; c < V; c++) {
        store(t->out + at + j + 16 * c, fma16(broadcast(bonus), v[c], out[c]));
    }
}

void RWKV(wkv6)(const struct rkv *t, float *s, int channel, int first, int last) {
    const int n = t->head_size;
    for (int row = first; row < last; row++) {
        const long at = row * t->stride + channel;
        const float *decay = t->decay + row * t->decay_stride + channel;
        float bonus = 0;
        for (int i = 0; i < n; i++) {
            bonus = __builtin_fmaf(t->r[at + i] * t->bonus[channel + i], t->k[at + i], bonus);
        }
        int j = 0;
        for (; j + 64 <= n; j += 64) {
            wkv6_channels(t, s, decay, at, j, bonus, 4);
        }
        for (; j + 16 <= n; j += 16) {
            wkv6_channels(t, s, decay, at, j, bonus, 1);
        }
        for (; j < n; j++) {
            const float v = t->v[at + j];
            float out = 0;
            for (int i = 0; i < n; i++) {
                float *here = s + (long) i * n + j;
                out = __builtin_fmaf(*here, t->r[at + i], out);
                *here = __builtin_fmaf(*here, decay[i], t->k[at + i] * v);
            }
            t->out[at + j] = __builtin_fmaf(bonus, v, out);
        }
    }
}

/* 16 channels, of which the first `present` exist. */
ALWAYS_INLINE floats some(const float *p, int present) {
    if (present == 16) {
        return load(p);
    }
    float padded[16] = {0};
    memcpy(padded, p, sizeof(float) * present);
    return load(padded);
}

ALWAYS_INLINE void store_some(float *p, floats x, int present) {
    memcpy(p, &x, sizeof(float) * present);
}

/* aa, bb and pp are `width` numbers each. */
void RWKV(wkv4)(const struct rkv *t, float *state, int channel, int end, int first, int last) {
    for (int c = channel; c < end; c += 16) {
        const int present = end - c < 16 ? end - c : 16;
        const floats decay = some(t->decay + c, present), bonus = some(t->bonus + c, present);
        floats aa = some(state + c, present), bb = some(state + t->width + c, present);
        floats pp = some(state + 2L * t->width + c, present);
        for (int row = first; row < last; row++) {
            const long at = row * t->stride + c;
            const floats k = some(t->k + at, present), v = some(t->v + at, present);
            const floats now = bonus + k;
            floats q = max16(pp, now);
            floats e1 = exp16(pp - q), e2 = exp16(now - q);
            const floats wkv = fma16(e1, aa, e2 * v) / fma16(e1, bb, e2);
            store_some(t->out + at, some(t->r + at, present) * wkv, present);
            const floats past = pp + decay;
            q = max16(past, k);
            e1 = exp16(past - q);
            e2 = exp16(k - q);
            aa = fma16(e1, aa, e2 * v);
            bb = fma16(e1, bb, e2);
            pp = q;
        }
        store_some(state + c, aa, present);
        store_some(state + t->width + c, bb, present);
        store_some(state + 2L * t->width + c, pp, present);
    }
}

typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));

ALWAYS_INLINE eight load8(const float *p) {
    return *(const eight *) p;
}

/* Eight partial sums, added in a fixed order. */
ALWAYS_INLINE float total(eight sum) {
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

static float sum_of(const float *x, int n) {
    eight sum = {0};
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        sum += load8(x + i);
    }
    for (; i < n; i++) {
        sum[0] += x[i];
    }
    return total(sum);
}

static float sum_of_squares(const float *x, int n, float mean) {
    eight sum = {0};
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        const eight d = load8(x + i) - mean;
        sum += d * d;
    }
    for (; i < n; i++) {
        sum[0] += (x[i] - mean) * (x[i] - mean);
    }
    return total(sum);
}

/* Each group of n numbers: (x - mean) / sqrt(variance + epsilon) * weight + bias. */
void RWKV(normalise)(
        const float *in, float *out, int groups, int n, float epsilon, const float *weight, const float *bias) {
    for (int group = 0; group < groups; group++) {
        const long at = (long) group * n;
        const float mean = sum_of(in + at, n) / n;
        const float variance = sum_of_squares(in + at, n, mean) / n;
        const float scale = (float) (1 / __builtin_sqrt((double) (variance + epsilon)));
        for (int i = 0; i < n; i++) {
            out[at + i] = (in[at + i] - mean) * scale * weight[at + i] + bias[at + i];
        }
    }
}

/* out = y + (previous - y) * amount */
void RWKV(shift)(const float *y, const float *previous, const float *amount, float *out, int n) {
    for (int i = 0; i < n; i++) {
        out[i] = y[i] + (previous[i] - y[i]) * amount[i];
    }
}

void RWKV(keys7)(float *k, const float *a, float *kk, const float *k_k, const float *k_a, int heads, int n) {
    for (int head = 0; head < heads; head++) {
        const long at = (long) head * n;
        for (int i = 0; i < n; i++) {
            kk[at + i] = k[at + i] * k_k[at + i];
        }
        const float norm = (float) __builtin_sqrt((double) sum_of_squares(kk + at, n, 0));
        const float scale = 1 / (norm > 1e-12f ? norm : 1e-12f);
        for (int i = 0; i < n; i++) {
            kk[at + i] *= scale;
            k[at + i] *= 1 + (a[at + i] - 1) * k_a[at + i];
        }
    }
}

/* o = (o + (sum over j of r[j] k[j] r_k[j]) v) * g, for each head. */
void RWKV(bonus7)(
        float *o, const float *r, const float *k, const float *v, const float *g, const float *r_k, int heads, int n) {
    for (int head = 0; head < heads; head++) {
        const long at = (long) head * n;
        eight sum = {0};
        int j = 0;
        for (; j + 8 <= n; j += 8) {
            sum += load8(r + at + j) * load8(k + at + j) * load8(r_k + at + j);
        }
        for (; j < n; j++) {
            sum[0] += r[at + j] * k[at + j] * r_k[at + j];
        }
        const float bonus = total(sum);
        for (int i = 0; i < n; i++) {
            o[at + i] = (o[at + i] + bonus * v[at + i]) * g[at + i];
        }
    }
}
