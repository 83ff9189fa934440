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
  const int n = d.headLength, tiles = config_.blockTokens / kv::kTileTokens;
  const int32_t block = row.slot->blocks[static_cast<size_t>(row.position / config_.blockTokens)];
  const int tile = row.position % config_.blockTokens / kv::kTileTokens;
  uint8_t* to = kv_block(layer) + static_cast<size_t>(block) * kvBlockBytes_;
  for (int h = 0; h < d.kvHeads; h++)
    kv::store(config_.kvType, kernels_.to_half, k + h * n, v + h * n, n,
              row.position % kv::kTileTokens,
              to + static_cast<size_t>(h * tiles + tile) * kv::tile_bytes(config_.kvType, n));
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
  const size_t perHead = kvBlockBytes_ / static_cast<size_t>(d.kvHeads);
  const int tasks = static_cast<int>(runs_.size()) * d.kvHeads;
  auto first_of = [&](const Row& row) {
    return l.window > 0 ? std::max(0, row.position + 1 - l.window) : 0;
  };
  auto view_of = [&](const Run& run, int head) {
    return KvView{kv_block(layer) + static_cast<size_t>(head) * perHead,
                  kvBlockBytes_,
                  rows_[static_cast<size_t>(run.first)].slot->blocks.data(),
                  config_.blockTokens / kv::kTileTokens,
                  n,
                  config_.kvType,
                  d.attentionCap};
  };
  pool_.run(tasks, [&](int task, int) {
    const Run& run = runs_[static_cast<size_t>(task / d.kvHeads)];
    const int h = task % d.kvHeads;
    AttendRow rows[kRunRows];
    for (int i = 0; i < run.count; i++) {
      const size_t r = static_cast<size_t>(run.first + i);
      const int at = h * group * n;
      rows[i] = {qkv_ + r * ldQkv_ + at, heads_ + r * ldHeads_ + at, rows_[r].position,
                 first_of(rows_[r])};
    }
    KvView view = view_of(run, h);
    const int next = task + pool_.threads();
    if (next < tasks) {
      const Run& later = runs_[static_cast<size_t>(next / d.kvHeads)];
      const Row& row = rows_[static_cast<size_t>(later.first)];
      const KvView its = view_of(later, next % d.kvHeads);
      const int tile = first_of(row) / kv::kTileTokens;
      view.following[0] = its.tile(tile);
      if (row.position / kv::kTileTokens > tile) view.following[1] = its.tile(tile + 1);
    }
    kernels_.attend(rows, run.count, group, view);
  });
}

}  // namespace cairn
