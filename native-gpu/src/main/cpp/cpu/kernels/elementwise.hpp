// Operations on one row, written once over sixteen lanes. Included once by each instruction set's
// source, after its vec header.
#pragma once

namespace cairn::CAIRN_ISA {

// exp by Cody and Waite's reduction and a polynomial of degree 7; 0 below −87.336, NaN stays NaN.
inline F exp16(F x) {
  const F low = set1(-87.33654f), magic = set1(12582912.0f);
  const F c = max(low, min(set1(88.37626f), x));
  const F t = fma(c, set1(1.44269504f), magic);
  const F n = sub(t, magic);
  F r = fma(n, set1(-0.693359375f), c);
  r = fma(n, set1(2.12194440e-4f), r);
  F p = set1(1.9875691500e-4f);
  p = fma(p, r, set1(1.3981999507e-3f));
  p = fma(p, r, set1(8.3334519073e-3f));
  p = fma(p, r, set1(4.1665795894e-2f));
  p = fma(p, r, set1(1.6666665459e-1f));
  p = fma(p, r, set1(5.0000001201e-1f));
  p = fma(p, mul(r, r), add(r, set1(1.0f)));
  return select_less(x, low, set1(0.0f), scale_by_power(p, t));
}

inline float exp1(float x) { return lane0(exp16(set1(x))); }

// tanh: an odd polynomial below 0.625, beyond it 1 − 2 / (exp(2|x|) + 1) with the sign of x; NaN
// stays NaN.
inline F tanh16(F x) {
  const F zero = set1(0.0f), one = set1(1.0f), minus = set1(-1.0f);
  const F a = max(mul(x, minus), x), z = mul(x, x);
  F p = set1(-5.70498872745e-3f);
  p = fma(p, z, set1(2.06390887954e-2f));
  p = fma(p, z, set1(-5.37397155531e-2f));
  p = fma(p, z, set1(1.33314422036e-1f));
  p = fma(p, z, set1(-3.33332819422e-1f));
  const F small = fma(mul(p, z), x, x);
  const F e = exp16(add(a, a));
  const F large = sub(one, div(set1(2.0f), add(e, one)));
  return select_less(a, set1(0.625f), small, select_less(x, zero, mul(large, minus), large));
}

// body(i, count) for i = 0, 16, …: count is 16 but for what remains at the end
template <class Body>
inline __attribute__((always_inline)) void sixteens(int n, const Body& body) {
  int i = 0;
  for (; i + 16 <= n; i += 16) body(i, 16);
  if (i < n) body(i, n - i);
}

// Row `row` of the activation tiles from x(0), x(16), …, called once each in this order.
template <class Source>
inline __attribute__((always_inline)) void quantize_row(int k, uint8_t* acts, int row,
                                                        const Source& x) {
  using namespace activation;
  uint8_t* rec =
      acts + static_cast<size_t>(row / kTileRows) * static_cast<size_t>(k / kBlock) * kRecord;
  const int r = row % kTileRows;
  for (int i = 0; i < k; i += kBlock, rec += kRecord) {
    const F a = x(i), b = x(i + 16);
    const uint32_t bits = abs_max_bits(a, b);
    float amax;
    __builtin_memcpy(&amax, &bits, 4);
    float d = 0.0f, inverse = 0.0f;
    if (bits >= 0x7f800000u) {
      d = __builtin_nanf("");
    } else if (amax >= 0x1p-119f) {
      d = amax / 127.0f;
      inverse = 127.0f / amax;
    }
    int8_t* q = reinterpret_cast<int8_t*>(rec) + r * kBlock;
    int low = 0, high = 0;
    if (inverse > 0.0f) {
      quantize32(a, b, inverse, q, &low, &high);
    } else {
      __builtin_memset(q, 0, kBlock);
    }
    reinterpret_cast<float*>(rec + kScale)[r] = d;
    reinterpret_cast<int32_t*>(rec + kStart8)[r] = kMagicBits - 128 * (low + high);
    reinterpret_cast<int32_t*>(rec + kStart4)[r] = kMagicBits - 8 * (low + high);
    reinterpret_cast<int32_t*>(rec + kStart6Low)[r] = -32 * low;
    reinterpret_cast<int32_t*>(rec + kStart6High)[r] = -32 * high;
    reinterpret_cast<int32_t*>(rec + kStart5)[r] = kMagicBits - 16 * (low + high);
    reinterpret_cast<float*>(rec + kSum)[r] = d * static_cast<float>(low + high);
    reinterpret_cast<float*>(rec + kSumLow)[r] = d * static_cast<float>(low);
    reinterpret_cast<float*>(rec + kSumHigh)[r] = d * static_cast<float>(high);
  }
}

static void quantize(const float* x, int k, uint8_t* acts, int row) {
  quantize_row(k, acts, row,
               [&](int i) __attribute__((always_inline)) { return load(x + i); });
}

// 1 / rms, from the sixteen-lane sum of squares
inline F inverse_rms(F squares, float eps, int n) {
  return set1(1.0f / __builtin_sqrtf(sum(squares) / static_cast<float>(n) + eps));
}

static void rms_norm(const float* x, const float* w, float eps, float* y, int n) {
  F s = set1(0.0f);
  sixteens(n, [&](int i, int m) __attribute__((always_inline)) {
    const F v = load_n(x + i, m);
    s = fma(v, v, s);
  });
  const F inverse = inverse_rms(s, eps, n);
  sixteens(n, [&](int i, int m) __attribute__((always_inline)) {
    store_n(y + i, mul(mul(load_n(x + i, m), inverse), load_n(w + i, m)), m);
  });
}

static void add_rows(float* x, const float* y, int n) {
  sixteens(n, [&](int i, int m) __attribute__((always_inline)) {
    store_n(x + i, add(load_n(x + i, m), load_n(y + i, m)), m);
  });
}

static void add_norm_quantize(float* x, const float* y, const float* w, float eps, int n,
                              uint8_t* acts, int row) {
  F s = set1(0.0f);
  for (int i = 0; i < n; i += 16) {
    const F v = add(load(x + i), load(y + i));
    store(x + i, v);
    s = fma(v, v, s);
  }
  const F inverse = inverse_rms(s, eps, n);
  quantize_row(n, acts, row, [&](int i) __attribute__((always_inline)) {
    return mul(mul(load(x + i), inverse), load(w + i));
  });
}

inline F silu(F x) { return div(x, add(set1(1.0f), exp16(mul(x, set1(-1.0f))))); }

inline F gelu(F x) {
  const F t = mul(x, fma(mul(x, x), set1(0.044715f), set1(1.0f)));
  return div(x, add(set1(1.0f), exp16(mul(t, set1(-1.5957691216057308f)))));
}

static void swiglu(float* g, const float* u, int n) {
  sixteens(n, [&](int i, int m) __attribute__((always_inline)) {
    store_n(g + i, mul(silu(load_n(g + i, m)), load_n(u + i, m)), m);
  });
}

static void geglu(float* g, const float* u, int n) {
  sixteens(n, [&](int i, int m) __attribute__((always_inline)) {
    store_n(g + i, mul(gelu(load_n(g + i, m)), load_n(u + i, m)), m);
  });
}

static void swiglu_quantize(const float* g, const float* u, int n, uint8_t* acts, int row) {
  quantize_row(n, acts, row, [&](int i) __attribute__((always_inline)) {
    return mul(silu(load(g + i)), load(u + i));
  });
}

static void geglu_quantize(const float* g, const float* u, int n, uint8_t* acts, int row) {
  quantize_row(n, acts, row, [&](int i) __attribute__((always_inline)) {
    return mul(gelu(load(g + i)), load(u + i));
  });
}

static void rotate(float* head, const float* cosines, const float* sines, int pairs, bool halves) {
  if (!halves) {
    sixteens(2 * pairs, [&](int i, int m) __attribute__((always_inline)) {
      const F v = load_n(head + i, m);
      const F r = add(mul(v, load_n(cosines + i, m)), mul(swap_pairs(v), load_n(sines + i, m)));
      store_n(head + i, r, m);
    });
    return;
  }
  sixteens(pairs, [&](int i, int m) __attribute__((always_inline)) {
    const F x = load_n(head + i, m), y = load_n(head + pairs + i, m);
    const F c = load_n(cosines + i, m), s = load_n(sines + i, m);
    store_n(head + i, sub(mul(x, c), mul(y, s)), m);
    store_n(head + pairs + i, add(mul(x, s), mul(y, c)), m);
  });
}

inline F capped(F x, F cap) { return mul(tanh16(div(x, cap)), cap); }

static void soft_cap(float* x, float cap, int n) {
  for (int i = 0; i < n; i += 16) store_n(x + i, capped(load_n(x + i, n - i), set1(cap)), n - i);
}

static void to_half(const float* x, uint16_t* dst, int n) {
  for (int i = 0; i < n; i += 16) store_half_n(dst + i, load_n(x + i, n - i), n - i);
}

static bool all_finite(const float* x, int n) {
  uint32_t m = 0;
  for (int i = 0; i < n; i += 32) {
    const F a = load_n(x + i, n - i), none = set1(0.0f);
    const uint32_t b = abs_max_bits(a, n - i > 16 ? load_n(x + i + 16, n - i - 16) : none);
    m = b > m ? b : m;
  }
  return m < 0x7f800000u;
}

static float max_value(const float* x, int n) {
  F m = set1(x[0]);
  for (int i = 0; i < n; i += 16) m = max(first_lanes(load_n(x + i, n - i), n - i, m), m);
  return max_lane(m);
}

static float sum_exp(const float* x, int n, float shift, float scale) {
  F s = set1(0.0f);
  for (int i = 0; i < n; i += 16) {
    const F e = exp16(mul(sub(load_n(x + i, n - i), set1(shift)), set1(scale)));
    s = add(s, first_lanes(e, n - i, set1(0.0f)));
  }
  return sum(s);
}

static void exp_values(const float* x, float* y, int n) {
  for (int i = 0; i < n; i += 16) store_n(y + i, exp16(load_n(x + i, n - i)), n - i);
}

}  // namespace cairn::CAIRN_ISA
