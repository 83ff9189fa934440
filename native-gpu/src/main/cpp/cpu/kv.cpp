#include "kv.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "half.hpp"

namespace cairn::kv {
namespace {

// q[i] = x[i] in steps of the returned half-precision scale
uint16_t quantize(const float* x, int n, int8_t* q) {
  float most = 0;
  bool finite = true;
  for (int i = 0; i < n; i++) {
    most = std::max(most, std::fabs(x[i]));
    finite &= std::isfinite(x[i]);
  }
  const uint16_t scale = finite ? float_to_half(most / 127.0f) : 0x7e00;
  const float step = half_to_float(scale);
  const bool usable = std::isfinite(step) && step > 0;
  const float inverse = usable ? 1.0f / step : 0.0f;
  for (int i = 0; i < n; i++) {
    const float steps = usable ? std::min(127.0f, std::max(-127.0f, x[i] * inverse)) : 0.0f;
    q[i] = static_cast<int8_t>(std::lrintf(steps));
  }
  return scale;
}

template <class Element>
void scatter(const Element* k, int n, int token, Element* keys) {
  for (int i = 0; i < n; i++) keys[i * kTileTokens + token] = k[i];
}

void store_bytes(const float* k, const float* v, int n, int token, uint8_t* tile) {
  auto* keys = reinterpret_cast<int8_t*>(tile);
  int8_t* values = keys + kTileTokens * n + token * value_stride(n);
  uint8_t* scales = tile + tile_elements(n);
  const int blocks = scale_blocks(n);
  for (int b = 0; b < blocks; b++) {
    const int length = std::min(32, n - 32 * b);
    int8_t q[32];
    const uint16_t keyScale = quantize(k + 32 * b, length, q);
    scatter(q, length, token, keys + 32 * b * kTileTokens);
    const uint16_t valueScale = quantize(v + 32 * b, length, values + 32 * b);
    std::memcpy(scales + 2 * (b * kTileTokens + token), &keyScale, 2);
    std::memcpy(scales + 2 * (kTileTokens * blocks + token * blocks + b), &valueScale, 2);
  }
}

}  // namespace

void store(KvType type, ToHalf toHalf, const float* k, const float* v, int n, int token,
           uint8_t* tile) {
  if (type == KvType::Q8_0) return store_bytes(k, v, n, token, tile);
  if (type == KvType::F32) {
    auto* keys = reinterpret_cast<float*>(tile);
    scatter(k, n, token, keys);
    std::copy(v, v + n, keys + kTileTokens * n + token * value_stride(n));
    return;
  }
  auto* keys = reinterpret_cast<uint16_t*>(tile);
  uint16_t halves[kMaxHeadLength];
  toHalf(k, halves, n);
  scatter(halves, n, token, keys);
  toHalf(v, keys + kTileTokens * n + token * value_stride(n), n);
}

}  // namespace cairn::kv
