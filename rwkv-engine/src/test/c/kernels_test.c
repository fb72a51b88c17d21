/*
 * Holds the kernels of one instruction set against plain loops: for machines that can't run the Java tests, such as an
 * emulated processor. build: see test.sh beside this file.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../main/c/kernels.h"

#define NAME(function, set) rwkv_##function##_##set
#define EXPANDED(function, set) NAME(function, set)
#define KERNEL(function) EXPANDED(function, SET)

void KERNEL(multiply)(const struct product *, int, int, float *);
void KERNEL(quantize)(const float *, int8_t *, float *, int32_t *, int);
void KERNEL(normalise)(const float *, float *, int, int, float, const float *, const float *);
void KERNEL(wkv7)(const struct wkv7 *, float *, int, int, int);

static int failures;

static float uniform(void) {
    return (float) (rand() / (RAND_MAX / 2.0) - 1);
}

static void *room(size_t bytes) {
    return aligned_alloc(64, (bytes + 127) / 64 * 64);
}

static float *numbers(int n) {
    float *p = room(sizeof(float) * n);
    for (int i = 0; i < n; i++) {
        p[i] = uniform();
    }
    return p;
}

static void same(const char *what, float actual, float expected) {
    if (actual != expected) {
        printf("%s: %.9g, expected %.9g\n", what, actual, expected);
        failures++;
    }
}

static uint16_t half_of_one_to_two(int fraction) {
    return (uint16_t) (0x3c00 | (fraction & 0x3ff));
}

static float half_value(uint16_t h) {
    return (h & 0x8000 ? -1 : 1) * (1 + (h & 0x3ff) / 1024.0f);
}

static float weight(const struct product *m, int row, int k) {
    const uint8_t *panel = m->weights + row / PANEL * m->panel_bytes;
    const int lane = row % PANEL;
    switch (m->type) {
        case TYPE_F32:
            return ((const float *) panel)[PANEL * k + lane];
        case TYPE_F16:
            return half_value(((const uint16_t *) panel)[PANEL * k + lane]);
        case TYPE_BF16: {
            const uint32_t bits = (uint32_t) ((const uint16_t *) panel)[PANEL * k + lane] << 16;
            float value;
            memcpy(&value, &bits, 4);
            return value;
        }
        default:
            return panel[k / BLOCK * Q8_BLOCK_BYTES + 2 * PANEL + (k % BLOCK / 4 * PANEL + lane) * 4 + k % 4] - 128.0f;
    }
}

static float expected_product(const struct product *m, int row, int output) {
    const int blocks_in_row = m->in_stride / BLOCK;
    float sum = 0;
    if (m->type != TYPE_Q8) {
        for (int k = 0; k < m->columns; k++) {
            sum = fmaf(weight(m, output, k), m->in[row * m->in_stride + k], sum);
        }
        return sum;
    }
    for (int block = 0; block < m->blocks; block++) {
        int dot = 0;
        for (int k = block * BLOCK; k < (block + 1) * BLOCK; k++) {
            dot += (int) weight(m, output, k) * m->quants[row * m->in_stride + k];
        }
        const uint8_t *here = m->weights + output / PANEL * m->panel_bytes + block * Q8_BLOCK_BYTES;
        const float scale = half_value(((const uint16_t *) here)[output % PANEL]);
        sum = fmaf((float) dot, scale * m->scales[row * blocks_in_row + block], sum);
    }
    return sum;
}

static void products(int type, int columns, int panels, int rows) {
    struct product m = {.type = type, .columns = columns, .rows = rows};
    m.blocks = (columns + BLOCK - 1) / BLOCK;
    m.in_stride = m.blocks * BLOCK;
    m.out_stride = panels * PANEL;
    const int bytes[] = {4 * PANEL * BLOCK, 2 * PANEL * BLOCK, 2 * PANEL * BLOCK, Q8_BLOCK_BYTES};
    m.panel_bytes = (int64_t) m.blocks * bytes[type];
    uint8_t *weights = room(m.panel_bytes * panels);
    for (int64_t i = 0; i < m.panel_bytes * panels / 2; i++) {
        ((uint16_t *) weights)[i] = half_of_one_to_two(rand()) | (rand() & 1 ? 0x8000 : 0);
    }
    for (int64_t i = 0; type == TYPE_F32 && i < m.panel_bytes * panels / 4; i++) {
        ((float *) weights)[i] = uniform();
    }
    for (int64_t i = 0; type == TYPE_Q8 && i < m.panel_bytes * panels; i++) {
        if (i % Q8_BLOCK_BYTES >= 2 * PANEL) {
            weights[i] = rand();
        }
    }
    m.weights = weights;
    float *in = numbers(rows * m.in_stride);
    int8_t *quants = room(rows * m.in_stride);
    float *scales = room(sizeof(float) * rows * m.blocks);
    int32_t *offsets = room(sizeof(int32_t) * rows * m.blocks);
    for (int row = 0; row < rows; row++) {
        KERNEL(quantize)(in + row * m.in_stride, quants + row * m.in_stride, scales + row * m.blocks,
                offsets + row * m.blocks, columns);
    }
    m.in = in;
    m.quants = quants;
    m.scales = scales;
    m.offsets = offsets;
    m.out = room(sizeof(float) * rows * m.out_stride);
    float *scratch = room(sizeof(float) * 2 * PANEL * m.in_stride);
    KERNEL(multiply)(&m, 0, panels, scratch);
    for (int row = 0; row < rows; row++) {
        for (int output = 0; output < panels * PANEL; output++) {
            char what[80];
            snprintf(what, sizeof what, "type %d, %d columns, %d rows", type, columns, rows);
            same(what, m.out[row * m.out_stride + output], expected_product(&m, row, output));
        }
    }
    for (int epilogue = EPILOGUE_SIGMOID; epilogue <= EPILOGUE_TANH; epilogue++) {
        m.epilogue = epilogue;
        KERNEL(multiply)(&m, 0, 1, scratch);
        for (int output = 0; output < PANEL; output++) {
            const double z = expected_product(&m, 0, output);
            const double exact = epilogue == EPILOGUE_SIGMOID ? 1 / (1 + exp(-z)) : tanh(z);
            if (fabs(m.out[output] - exact) > 4e-7) {
                same("epilogue", m.out[output], (float) exact);
            }
        }
    }
    free(weights);
    free(in);
    free(quants);
    free(scales);
    free(offsets);
    free(m.out);
    free(scratch);
}

static void recurrence(int n) {
    float *p[6], *out = numbers(3 * n), *s = numbers(n * n), *expected = room(sizeof(float) * n * n);
    memcpy(expected, s, sizeof(float) * n * n);
    for (int i = 0; i < 6; i++) {
        p[i] = numbers(3 * n);
    }
    const struct wkv7 t = {p[0], p[1], p[2], p[3], p[4], p[5], out, n, n};
    KERNEL(wkv7)(&t, s, 0, 0, 3);
    for (int row = 0; row < 3; row++) {
        const float *r = p[0] + row * n, *w = p[1] + row * n, *k = p[2] + row * n;
        const float *v = p[3] + row * n, *a = p[4] + row * n, *kk = p[5] + row * n;
        for (int i = 0; i < n; i++) {
            float sa = 0, o = 0;
            for (int j = 0; j < n; j++) {
                sa = fmaf(expected[j * n + i], -kk[j], sa);
            }
            for (int j = 0; j < n; j++) {
                float *here = expected + j * n + i;
                *here = fmaf(v[i], k[j], fmaf(sa, kk[j] * a[j], *here * w[j]));
                o = fmaf(*here, r[j], o);
            }
            same("wkv7", out[row * n + i], o);
        }
    }
    free(out);
    free(s);
    free(expected);
    for (int i = 0; i < 6; i++) {
        free(p[i]);
    }
}

static void norm(int n) {
    float *in = numbers(n), *out = numbers(n), *w = numbers(n), *b = numbers(n);
    KERNEL(normalise)(in, out, 1, n, 1e-5f, w, b);
    double mean = 0, variance = 0;
    for (int i = 0; i < n; i++) {
        mean += in[i] / (double) n;
    }
    for (int i = 0; i < n; i++) {
        variance += (in[i] - mean) * (in[i] - mean) / n;
    }
    for (int i = 0; i < n; i++) {
        const double exact = (in[i] - mean) / sqrt(variance + 1e-5) * w[i] + b[i];
        if (fabs(out[i] - exact) > 1e-5) {
            same("normalise", out[i], (float) exact);
        }
    }
    free(in);
    free(out);
    free(w);
    free(b);
}

int main(void) {
    const int columns[] = {1, 31, 32, 33, 100, 257}, rows[] = {1, 2, 3, 4, 5, 6, 7, 13};
    for (int type = TYPE_F32; type <= TYPE_Q8; type++) {
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
            for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
                products(type, columns[c], 2 + c % 2 * 2, rows[r]);
            }
        }
    }
    const int sizes[] = {1, 16, 24, 64, 80, 128};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        recurrence(sizes[i]);
        norm(sizes[i]);
    }
    printf("%d failures\n", failures);
    return failures != 0;
}
