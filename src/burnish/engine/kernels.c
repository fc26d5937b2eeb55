/* Row-wise functions of a block in one pass each, where torch takes three to eight: RMS norm, SwiGLU, rotary embedding, and their
 * backward passes. Built and loaded by native.py, which says what is passed; the same functions in torch are in ops.py.
 *
 * Numbers are float32 or, where a flag says so, bfloat16 (the upper half of a float32); everything is computed in float32.
 * A matrix is rows of d numbers that lie side by side: n times m of them, row (i, j) at i * outer + j * inner.
 * Threads share rows out in equal parts, so that the same number of threads gives the same bits. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#define SMALL 8192 /* numbers for which waking other threads costs more than it brings */
#define WIDEST 16384

typedef uint16_t half;

static inline float widened(half h) {
    union { uint32_t u; float f; } v = {(uint32_t)h << 16};
    return v.f;
}

static inline half narrowed(float f) { /* to nearest, ties to even; what is no number stays none */
    union { float f; uint32_t u; } v = {f};
    uint32_t rounded = (v.u + 0x7fffu + ((v.u >> 16) & 1u)) >> 16;
    return (half)((v.u & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

static inline const float *taken(const void *data, int is_half, int64_t at, int64_t d, float *room) {
    if (!is_half) return (const float *)data + at;
    const half *h = (const half *)data + at;
    for (int64_t i = 0; i < d; i++) room[i] = widened(h[i]);
    return room;
}

static inline void put(void *data, int is_half, int64_t at, int64_t d, const float *row) {
    if (is_half) {
        half *h = (half *)data + at;
        for (int64_t i = 0; i < d; i++) h[i] = narrowed(row[i]);
    } else if ((float *)data + at != row) {
        memcpy((float *)data + at, row, (size_t)d * sizeof(float));
    }
}

/* e^x to about one unit in the last place, in steps that vector instructions take (Cephes, expf). */
static inline float exponential(float x) {
    x = x < -87.3f ? -87.3f : x;
    x = x > 88.3f ? 88.3f : x;
    float n = rintf(x * 1.44269504088896341f);
    float r = x - n * 0.693359375f;
    r += n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    union { int32_t i; float f; } two = {((int32_t)n + 127) << 23};
    return p * two.f;
}

/* out = x rstd w, rstd = 1 / sqrt(mean(x^2) + eps). out [n m, d], rstd [n m]. */
void burnish_rms(const void *x, int x_half, int64_t outer, int64_t inner, const float *w, void *out, int out_half, float *rstd,
                 int64_t n, int64_t m, int64_t d, float eps) {
#pragma omp parallel for schedule(static) if (n * m * d > SMALL)
    for (int64_t row = 0; row < n * m; row++) {
        float room[WIDEST];
        const float *a = taken(x, x_half, row / m * outer + row % m * inner, d, room);
        float squares = 0.0f;
        for (int64_t i = 0; i < d; i++) squares += a[i] * a[i];
        float r = 1.0f / sqrtf(squares / (float)d + eps);
        rstd[row] = r;
        float *to = out_half ? room : (float *)out + row * d;
        for (int64_t i = 0; i < d; i++) to[i] = a[i] * r * w[i];
        put(out, out_half, row * d, d, to);
    }
}

/* With t = g x: d x = rstd g w - x rstd^3 mean(t w), d w += sum over rows of t rstd. gy and gx are [n m, d]; w_grad may be null.
 * sums has room for d numbers a thread. */
void burnish_rms_back(const void *gy, int g_half, const void *x, int x_half, int64_t outer, int64_t inner, const float *w,
                      const float *rstd, void *gx, float *w_grad, float *sums, int64_t n, int64_t m, int64_t d, int threads) {
    int used = n * m * d > SMALL ? threads : 1;
    if (w_grad) memset(sums, 0, (size_t)used * (size_t)d * sizeof(float));
#pragma omp parallel for schedule(static, 1) num_threads(used) if (used > 1)
    for (int part = 0; part < used; part++) {
        float room_g[WIDEST], room_x[WIDEST];
        float *sum = sums + (int64_t)part * d;
        int64_t rows = n * m;
        for (int64_t row = rows * part / used; row < rows * (part + 1) / used; row++) {
            const float *g = taken(gy, g_half, row * d, d, room_g);
            const float *a = taken(x, x_half, row / m * outer + row % m * inner, d, room_x);
            float r = rstd[row], dot = 0.0f;
            if (w_grad) {
                for (int64_t i = 0; i < d; i++) {
                    float t = g[i] * a[i];
                    dot += t * w[i];
                    sum[i] += t * r;
                }
            } else {
                for (int64_t i = 0; i < d; i++) dot += g[i] * a[i] * w[i];
            }
            float slope = -dot * r * r * r / (float)d;
            float *to = x_half ? room_x : (float *)gx + row * d;
            for (int64_t i = 0; i < d; i++) to[i] = g[i] * w[i] * r + a[i] * slope;
            put(gx, x_half, row * d, d, to);
        }
    }
    if (w_grad)
        for (int part = 0; part < used; part++)
            for (int64_t i = 0; i < d; i++) w_grad[i] += sums[(int64_t)part * d + i];
}

/* out = silu(gate) up. gate_up [n, 2 f]: both side by side; out [n, f]. */
void burnish_swiglu(const void *gate_up, int is_half, void *out, int64_t n, int64_t f) {
#pragma omp parallel for schedule(static) if (n * f > SMALL)
    for (int64_t row = 0; row < n; row++) {
        if (is_half) {
            const half *gate = (const half *)gate_up + row * 2 * f, *up = gate + f;
            half *to = (half *)out + row * f;
            for (int64_t i = 0; i < f; i++) {
                float g = widened(gate[i]);
                to[i] = narrowed(g / (1.0f + exponential(-g)) * widened(up[i]));
            }
        } else {
            const float *gate = (const float *)gate_up + row * 2 * f, *up = gate + f;
            float *to = (float *)out + row * f;
            for (int64_t i = 0; i < f; i++) to[i] = gate[i] / (1.0f + exponential(-gate[i])) * up[i];
        }
    }
}

/* With s = sigmoid(gate): d gate = gy up s (1 + gate (1 - s)), d up = gy gate s. gy [n, f]; out [n, 2 f]. */
void burnish_swiglu_back(const void *gate_up, const void *gy, int is_half, void *out, int64_t n, int64_t f) {
#pragma omp parallel for schedule(static) if (n * f > SMALL)
    for (int64_t row = 0; row < n; row++) {
        if (is_half) {
            const half *gate = (const half *)gate_up + row * 2 * f, *up = gate + f, *gs = (const half *)gy + row * f;
            half *g_gate = (half *)out + row * 2 * f, *g_up = g_gate + f;
            for (int64_t i = 0; i < f; i++) {
                float g = widened(gate[i]), y = widened(gs[i]), s = 1.0f / (1.0f + exponential(-g));
                g_gate[i] = narrowed(y * widened(up[i]) * s * (1.0f + g * (1.0f - s)));
                g_up[i] = narrowed(y * g * s);
            }
        } else {
            const float *gate = (const float *)gate_up + row * 2 * f, *up = gate + f, *gs = (const float *)gy + row * f;
            float *g_gate = (float *)out + row * 2 * f, *g_up = g_gate + f;
            for (int64_t i = 0; i < f; i++) {
                float g = gate[i], y = gs[i], s = 1.0f / (1.0f + exponential(-g));
                g_gate[i] = y * up[i] * s * (1.0f + g * (1.0f - s));
                g_up[i] = y * g * s;
            }
        }
    }
}

/* (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin) over the halves of a row; the first half of `sin` is negative, `sign` is 1, or -1
 * for the way back. cos and sin [n, d] in the precision of x; out [n m, d]. */
void burnish_rope(const void *x, int is_half, int64_t outer, int64_t inner, const void *cos, const void *sin, void *out, int64_t n,
                  int64_t m, int64_t d, float sign) {
    int64_t h = d / 2;
#pragma omp parallel for schedule(static) if (n * m * d > SMALL)
    for (int64_t i = 0; i < n; i++) {
        float room_c[WIDEST], room_s[WIDEST], room_x[WIDEST], room_o[WIDEST];
        const float *c = taken(cos, is_half, i * d, d, room_c), *s = taken(sin, is_half, i * d, d, room_s);
        for (int64_t j = 0; j < m; j++) {
            const float *a = taken(x, is_half, i * outer + j * inner, d, room_x);
            float *to = is_half ? room_o : (float *)out + (i * m + j) * d;
            for (int64_t k = 0; k < h; k++) to[k] = a[k] * c[k] + sign * a[k + h] * s[k];
            for (int64_t k = 0; k < h; k++) to[k + h] = a[k + h] * c[k + h] + sign * a[k] * s[k + h];
            put(out, is_half, (i * m + j) * d, d, to);
        }
    }
}
