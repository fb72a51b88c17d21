/* What NativeKernels.java hands over: the layouts are spelled out there a second time. */
#include <stdint.h>

#define PANEL 16
#define BLOCK 32
#define Q8_BLOCK_BYTES (2 * PANEL + BLOCK * PANEL)
#define Q4_BLOCK_BYTES (2 * PANEL + BLOCK * PANEL / 2)

enum { TYPE_F32, TYPE_F16, TYPE_BF16, TYPE_Q8, TYPE_Q4 };

/* In the order of Epilogue.java. */
enum {
    EPILOGUE_NONE,
    EPILOGUE_SIGMOID,
    EPILOGUE_TANH,
    EPILOGUE_RELU_SQUARED,
    EPILOGUE_SILU,
    EPILOGUE_MISH,
    EPILOGUE_DECAY6,
    EPILOGUE_DECAY7,
    EPILOGUE_ADD,
    EPILOGUE_MULTIPLY
};

/* out = epilogue(W in + bias) for some rows of activations. Strides are in numbers. */
struct product {
    const uint8_t *weights;
    int64_t panel_bytes;
    const float *in;
    int64_t in_stride;
    const int8_t *quants;   /* as in, in 8 bits */
    const float *scales;    /* one for each block of a row */
    const int32_t *offsets; /* -128 times the sum of a block's quants: 8-bit weights are stored with 128 added, 4-bit ones with 8 */
    const float *bias;      /* or null */
    float *out;
    int64_t out_stride;
    int32_t type;
    int32_t columns;
    int32_t blocks;
    int32_t rows;
    int32_t epilogue;
};

/* The operands of RWKV-7's recurrence, all with the same stride. */
struct wkv7 {
    const float *r, *w, *k, *v, *a, *kk;
    float *out;
    int64_t stride;
    int32_t head_size;
};

/* The operands of the recurrences before, all but the decay with the same stride; one row of decays may serve all rows. */
struct rkv {
    const float *r, *k, *v, *decay, *bonus;
    float *out;
    int64_t stride;
    int64_t decay_stride;
    int32_t head_size;
    int32_t width;
};
