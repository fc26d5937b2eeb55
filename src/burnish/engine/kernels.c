/* Row-wise functions of a block in one pass each, where torch takes three to eight: RMS norm, SwiGLU, rotary embedding, and their
 * backward passes. Built and loaded by native.py, which says what is passed and checks it; the same functions in torch: ops.py.
 *
 * Numbers are float32 or, where a flag says so, bfloat16 (the upper half of a float32); everything is computed in float32.
 * A matrix is rows of d numbers that lie side by side: n times m of them, row (i, j) at i * outer + j * inner.
 * Threads share rows out in equal parts, so that the same number of threads gives the same bits. Only sums are reordered. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#define SMALL 8192 /* numbers for which waking other threads costs more than it brings */
#define SHARED _Pragma("omp parallel for schedule(static) num_threads(parts) if (parts > 1)")

typedef uint16_t half;
typedef float whole;

static inline float from_whole(whole f) { return f; }
static inline whole to_whole(float f) { return f; }

static inline float from_half(half h) {
    union { uint32_t u; float f; } v = {(uint32_t)h << 16};
    return v.f;
}

static inline half to_half(float f) { /* to nearest, ties to even; what is no number stays none */
    union { float f; uint32_t u; } v = {f};
    uint32_t rounded = (v.u + 0x7fffu + ((v.u >> 16) & 1u)) >> 16;
    return (half)((v.u & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

/* e^x to about one unit in the last place, in steps that vector instructions take (Cephes, expf); infinite above 88.3. */
static inline float exponential(float x) {
    float at = x < -87.3f ? -87.3f : x;
    at = at > 88.3f ? 88.3f : at;
    float n = rintf(at * 1.44269504088896341f);
    float r = at - n * 0.693359375f;
    r += n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    union { int32_t i; float f; } two = {((int32_t)n + 127) * (1 << 23)};
    return x > 88.3f ? INFINITY : p * two.f;
}

/* out = x rstd w, rstd = 1 / sqrt(mean(x^2) + eps). out [n m, d], rstd [n m]. */
#define RMS(NAME, X, Y)                                                                                                            \
    static void NAME(const X *x, int64_t outer, int64_t inner, const float *restrict w, Y *out, float *rstd, int64_t n,            \
                     int64_t m, int64_t d, float eps, int threads) {                                                               \
        int parts = n * m * d > SMALL ? threads : 1;                                                                               \
        SHARED                                                                                                                     \
        for (int64_t row = 0; row < n * m; row++) {                                                                                \
            const X *restrict a = x + row / m * outer + row % m * inner;                                                           \
            Y *restrict to = out + row * d;                                                                                        \
            float squares = 0.0f;                                                                                                  \
            _Pragma("omp simd reduction(+ : squares)") for (int64_t i = 0; i < d; i++) {                                           \
                float f = from_##X(a[i]);                                                                                          \
                squares += f * f;                                                                                                  \
            }                                                                                                                      \
            float r = 1.0f / sqrtf(squares / (float)d + eps);                                                                      \
            rstd[row] = r;                                                                                                         \
            for (int64_t i = 0; i < d; i++) to[i] = to_##Y(from_##X(a[i]) * r * w[i]);                                             \
        }                                                                                                                          \
    }

RMS(rms_ww, whole, whole)
RMS(rms_wh, whole, half)
RMS(rms_hw, half, whole)
RMS(rms_hh, half, half)

void burnish_rms(const void *x, int x_half, int64_t outer, int64_t inner, const float *w, void *out, int out_half, float *rstd,
                 int64_t n, int64_t m, int64_t d, float eps, int threads) {
    if (x_half && out_half) rms_hh(x, outer, inner, w, out, rstd, n, m, d, eps, threads);
    else if (x_half) rms_hw(x, outer, inner, w, out, rstd, n, m, d, eps, threads);
    else if (out_half) rms_wh(x, outer, inner, w, out, rstd, n, m, d, eps, threads);
    else rms_ww(x, outer, inner, w, out, rstd, n, m, d, eps, threads);
}

/* With t = g x: d x = rstd g w - x rstd^3 mean(t w), d w += sum over rows of t rstd. gy and gx are [n m, d]; w_grad may be null.
 * sums [threads, d]: each thread's part of d w; they are added in their order. */
#define RMS_BACK(NAME, G, X)                                                                                                       \
    static void NAME(const G *gy, const X *x, int64_t outer, int64_t inner, const float *restrict w, const float *rstd, X *gx,     \
                     float *sums, int64_t n, int64_t m, int64_t d, int parts) {                                                    \
        _Pragma("omp parallel for schedule(static, 1) num_threads(parts) if (parts > 1)") for (int part = 0; part < parts;         \
                                                                                               part++) {                           \
            float *restrict sum = sums ? sums + (int64_t)part * d : 0;                                                             \
            for (int64_t row = n * m * part / parts; row < n * m * (part + 1) / parts; row++) {                                    \
                const G *restrict g = gy + row * d;                                                                                \
                const X *restrict a = x + row / m * outer + row % m * inner;                                                       \
                X *restrict to = gx + row * d;                                                                                     \
                float r = rstd[row], dot = 0.0f;                                                                                   \
                _Pragma("omp simd reduction(+ : dot)") for (int64_t i = 0; i < d; i++) dot +=                                      \
                    from_##G(g[i]) * from_##X(a[i]) * w[i];                                                                        \
                if (sum)                                                                                                           \
                    for (int64_t i = 0; i < d; i++) sum[i] += from_##G(g[i]) * from_##X(a[i]) * r;                                 \
                float slope = -dot * r * r * r / (float)d;                                                                         \
                for (int64_t i = 0; i < d; i++) to[i] = to_##X(from_##G(g[i]) * w[i] * r + from_##X(a[i]) * slope);                \
            }                                                                                                                      \
        }                                                                                                                          \
    }

RMS_BACK(rms_back_ww, whole, whole)
RMS_BACK(rms_back_wh, whole, half)
RMS_BACK(rms_back_hw, half, whole)
RMS_BACK(rms_back_hh, half, half)

void burnish_rms_back(const void *gy, int g_half, const void *x, int x_half, int64_t outer, int64_t inner, const float *w,
                      const float *rstd, void *gx, float *w_grad, float *sums, int64_t n, int64_t m, int64_t d, int threads) {
    int parts = n * m * d > SMALL ? threads : 1;
    if (!w_grad) sums = 0;
    if (sums) memset(sums, 0, (size_t)parts * (size_t)d * sizeof(float));
    if (g_half && x_half) rms_back_hh(gy, x, outer, inner, w, rstd, gx, sums, n, m, d, parts);
    else if (g_half) rms_back_hw(gy, x, outer, inner, w, rstd, gx, sums, n, m, d, parts);
    else if (x_half) rms_back_wh(gy, x, outer, inner, w, rstd, gx, sums, n, m, d, parts);
    else rms_back_ww(gy, x, outer, inner, w, rstd, gx, sums, n, m, d, parts);
    if (sums)
        for (int part = 0; part < parts; part++)
            for (int64_t i = 0; i < d; i++) w_grad[i] += sums[(int64_t)part * d + i];
}

/* out = silu(gate) up. gate_up [n, 2 f]: both side by side; out [n, f]. */
#define SWIGLU(NAME, X)                                                                                                            \
    static void NAME(const X *gate_up, X *out, int64_t n, int64_t f, int threads) {                                                \
        int parts = n * f > SMALL ? threads : 1;                                                                                   \
        SHARED                                                                                                                     \
        for (int64_t row = 0; row < n; row++) {                                                                                    \
            const X *restrict gate = gate_up + row * 2 * f, *restrict up = gate + f;                                               \
            X *restrict to = out + row * f;                                                                                        \
            for (int64_t i = 0; i < f; i++) {                                                                                      \
                float g = from_##X(gate[i]);                                                                                       \
                to[i] = to_##X(g / (1.0f + exponential(-g)) * from_##X(up[i]));                                                    \
            }                                                                                                                      \
        }                                                                                                                          \
    }

SWIGLU(swiglu_w, whole)
SWIGLU(swiglu_h, half)

void burnish_swiglu(const void *gate_up, int is_half, void *out, int64_t n, int64_t f, int threads) {
    if (is_half) swiglu_h(gate_up, out, n, f, threads);
    else swiglu_w(gate_up, out, n, f, threads);
}

/* With s = sigmoid(gate): d gate = gy up s (1 + gate (1 - s)), d up = gy gate s. gy [n, f]; out [n, 2 f]. */
#define SWIGLU_BACK(NAME, X)                                                                                                       \
    static void NAME(const X *gate_up, const X *gy, X *out, int64_t n, int64_t f, int threads) {                                   \
        int parts = n * f > SMALL ? threads : 1;                                                                                   \
        SHARED                                                                                                                     \
        for (int64_t row = 0; row < n; row++) {                                                                                    \
            const X *restrict gate = gate_up + row * 2 * f, *restrict up = gate + f, *restrict given = gy + row * f;               \
            X *restrict g_gate = out + row * 2 * f, *restrict g_up = out + row * 2 * f + f;                                        \
            for (int64_t i = 0; i < f; i++) {                                                                                      \
                float g = from_##X(gate[i]), y = from_##X(given[i]), s = 1.0f / (1.0f + exponential(-g));                          \
                g_gate[i] = to_##X(y * from_##X(up[i]) * s * (1.0f + g * (1.0f - s)));                                             \
                g_up[i] = to_##X(y * g * s);                                                                                       \
            }                                                                                                                      \
        }                                                                                                                          \
    }

SWIGLU_BACK(swiglu_back_w, whole)
SWIGLU_BACK(swiglu_back_h, half)

void burnish_swiglu_back(const void *gate_up, const void *gy, int is_half, void *out, int64_t n, int64_t f, int threads) {
    if (is_half) swiglu_back_h(gate_up, gy, out, n, f, threads);
    else swiglu_back_w(gate_up, gy, out, n, f, threads);
}

/* (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin) over the halves of a row, d even; the first half of `sin` is negative, `sign` is 1,
 * or -1 for the way back. cos and sin [n, d] in the precision of x; out [n m, d]. */
#define ROPE(NAME, X)                                                                                                              \
    static void NAME(const X *x, int64_t outer, int64_t inner, const X *cos, const X *sin, X *out, int64_t n, int64_t m,           \
                     int64_t d, float sign, int threads) {                                                                         \
        int64_t h = d / 2;                                                                                                         \
        int parts = n * m * d > SMALL ? threads : 1;                                                                               \
        SHARED                                                                                                                     \
        for (int64_t row = 0; row < n * m; row++) {                                                                                \
            int64_t i = row / m;                                                                                                   \
            const X *restrict a = x + i * outer + row % m * inner, *restrict c = cos + i * d, *restrict s = sin + i * d;           \
            X *restrict to = out + row * d;                                                                                        \
            for (int64_t k = 0; k < h; k++) {                                                                                      \
                float one = from_##X(a[k]), two = from_##X(a[k + h]);                                                              \
                to[k] = to_##X(one * from_##X(c[k]) + sign * two * from_##X(s[k]));                                                \
                to[k + h] = to_##X(two * from_##X(c[k + h]) + sign * one * from_##X(s[k + h]));                                    \
            }                                                                                                                      \
        }                                                                                                                          \
    }

ROPE(rope_w, whole)
ROPE(rope_h, half)

void burnish_rope(const void *x, int is_half, int64_t outer, int64_t inner, const void *cos, const void *sin, void *out, int64_t n,
                  int64_t m, int64_t d, float sign, int threads) {
    if (is_half) rope_h(x, outer, inner, cos, sin, out, n, m, d, sign, threads);
    else rope_w(x, outer, inner, cos, sin, out, n, m, d, sign, threads);
}
