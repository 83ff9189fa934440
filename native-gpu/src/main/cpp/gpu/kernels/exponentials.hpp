// Sums of exponentials by one block of threads.
#pragma once

#include "numbers.hpp"

namespace cairn::gpu {

inline constexpr int kRowThreads = 256;
inline constexpr int kStage = 2048;  // values that wait in shared memory for the sum

// Σ exp((x[i] − shift) · scale) in sixteen lanes; every thread of the block gets it.
template <class Stage, class Result>
GPU_DEVICE float sum_of_exponentials(const float* x, int n, float shift, float scale, Stage stage,
                                     Result result) {
  float s = 0.0f;
  for (int from = 0; from < n; from += kStage) {
    const int count = n - from < kStage ? n - from : kStage;
    sync_block();
    for (int i = thread(); i < count; i += kRowThreads) stage[i] = exponential((x[from + i] - shift) * scale);
    sync_block();
    if (warp() == 0)
      for (int i = lane() % 16; i < count; i += 16) s = s + stage[i];
  }
  if (warp() == 0) {
    s = fold_sixteen(s);
    if (lane() == 0) result[0] = s;
  }
  sync_block();
  return result[0];
}

}  // namespace cairn::gpu
