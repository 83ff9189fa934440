// The attention part of a layer: rotation, the KV store, and the products over it.
#include <algorithm>

#include "forward.hpp"
#include "kv.hpp"

namespace cairn {

void Forward::rotate(float* head, const float* angles) const {
  const int pairs = model_.desc().ropeDimensions / 2;
  const bool halves = model_.desc().ropeHalves;
  for (int i = 0; i < pairs; i++) {
    float& a = head[halves ? i : 2 * i];
    float& b = head[halves ? i + pairs : 2 * i + 1];
    const float c = angles[2 * i], s = angles[2 * i + 1], x = a, y = b;
    a = x * c - y * s;
    b = x * s + y * c;
  }
}

void Forward::store_kv(int layer, const Row& row, const float* k, const float* v) {
  const ModelDesc& d = model_.desc();
  const int n = d.headLength, valueStride = kv::value_stride(n);
  const size_t block = kv::block_elements(d.kvHeads, n, config_.blockTokens);
  const size_t tiles = static_cast<size_t>(config_.blockTokens / kv::kTileTokens);
  const int32_t number = row.slot->blocks[static_cast<size_t>(row.position / config_.blockTokens)];
  const size_t tile = static_cast<size_t>(row.position % config_.blockTokens / kv::kTileTokens);
  const size_t token = static_cast<size_t>(row.position % kv::kTileTokens);
  auto* base = reinterpret_cast<uint16_t*>(kv_.data()) +
               (static_cast<size_t>(layer) * static_cast<size_t>(config_.kvBlocks) +
                static_cast<size_t>(number)) *
                   block;
  uint16_t halves[kv::kMaxHeadLength];
  for (int h = 0; h < d.kvHeads; h++) {
    uint16_t* to = base + (static_cast<size_t>(h) * tiles + tile) * kv::tile_elements(n);
    kernels_.to_half(k + h * n, halves, n);
    for (int i = 0; i < n; i++) to[static_cast<size_t>(i * kv::kTileTokens) + token] = halves[i];
    kernels_.to_half(v + h * n, to + kv::kTileTokens * n + static_cast<size_t>(valueStride) * token,
                     n);
  }
}

const float* Forward::angles(size_t row, bool windowed) const {
  const size_t n = static_cast<size_t>(model_.desc().ropeDimensions);
  return angles_ + 2 * row * n + (windowed ? n : 0);
}

void Forward::prepare_attention(const Layer& l, int layer, size_t r) {
  const ModelDesc& d = model_.desc();
  const int n = d.headLength;
  float* q = qkv_ + r * ldQkv_;
  float *k = q + kOffset_, *v = q + vOffset_;
  if (l.biasQ != nullptr) kernels_.add(q, l.biasQ, d.heads * n);
  if (l.biasK != nullptr) kernels_.add(k, l.biasK, d.kvHeads * n);
  if (l.biasV != nullptr) kernels_.add(v, l.biasV, d.kvHeads * n);
  const float* a = angles(r, l.window > 0);
  for (int h = 0; h < d.heads; h++) {
    if (l.normQ != nullptr) kernels_.rms_norm(q + h * n, l.normQ, d.eps, q + h * n, n);
    rotate(q + h * n, a);
  }
  for (int i = 0; i < d.heads * n; i++) q[i] *= d.attentionScale;
  for (int h = 0; h < d.kvHeads; h++) {
    if (l.normK != nullptr) kernels_.rms_norm(k + h * n, l.normK, d.eps, k + h * n, n);
    rotate(k + h * n, a);
  }
  store_kv(layer, rows_[r], k, v);
}

void Forward::attend(int layer) {
  const ModelDesc& d = model_.desc();
  const Layer& l = model_.layers()[static_cast<size_t>(layer)];
  const int rows = static_cast<int>(rows_.size()), n = d.headLength, group = d.heads / d.kvHeads;
  pool_.for_rows(rows, [&](size_t r) { prepare_attention(l, layer, static_cast<size_t>(r)); });
  const size_t block = kv::block_elements(d.kvHeads, n, config_.blockTokens);
  const size_t perHead = block / static_cast<size_t>(d.kvHeads);
  const auto* base = reinterpret_cast<const uint16_t*>(kv_.data()) +
                     static_cast<size_t>(layer) * static_cast<size_t>(config_.kvBlocks) * block;
  pool_.run(rows * d.kvHeads, [&](int task, int) {
    const int r = task / d.kvHeads, h = task % d.kvHeads;
    const Row& row = rows_[static_cast<size_t>(r)];
    const KvView view{base + static_cast<size_t>(h) * perHead, block, row.slot->blocks.data(),
                      config_.blockTokens / kv::kTileTokens, n,
                      l.window > 0 ? std::max(0, row.position + 1 - l.window) : 0, d.attentionCap};
    kernels_.attend(qkv_ + static_cast<size_t>(r) * ldQkv_ + h * group * n, group, row.position,
                    view, heads_ + static_cast<size_t>(r) * ldHeads_ + h * group * n);
  });
}

}  // namespace cairn
