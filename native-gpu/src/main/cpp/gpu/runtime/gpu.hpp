// One kernel source for three targets: HIP (GPU_HIP), CUDA (GPU_CUDA) and an emulator on the CPU for
// tests (GPU_EMU). Kernels see this header alone.
//
// A logical warp is 32 lanes everywhere; a wave of AMD's GPUs may hold two. Shuffles are reached by
// all 32 lanes of a logical warp, matrix instructions by all lanes of a wave, barriers by all threads
// of a block; the emulator ends the process where that is not so. Blocks are whole waves.
//
// Floats are flushed where they are denormal, and nothing is contracted: the build's options see to
// it (GPU_HIP: -fgpu-flush-denormals-to-zero -ffp-contract=off; GPU_CUDA: -ftz=true -fmad=false).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(GPU_HIP)
#include "target_hip.hpp"
#elif defined(GPU_CUDA)
#include "target_cuda.hpp"
#elif defined(GPU_EMU)
#include "target_emulator.hpp"
#else
#error "one of GPU_HIP, GPU_CUDA and GPU_EMU names the target"
#endif

namespace cairn::gpu {

inline constexpr int kWarp = 32;

GPU_DEVICE inline int lane() { return thread() % kWarp; }
GPU_DEVICE inline int warp() { return thread() / kWarp; }

// The largest of a logical warp's values, or their sum; every lane has it. Sums of integers only:
// those of floats have orders of their own.
template <class T>
GPU_DEVICE inline T warp_max(T v) {
  for (int mask = kWarp / 2; mask > 0; mask /= 2) {
    const T other = shuffle_xor(v, mask);
    v = other > v ? other : v;
  }
  return v;
}

GPU_DEVICE inline int warp_sum(int v) {
  for (int mask = kWarp / 2; mask > 0; mask /= 2) v += shuffle_xor(v, mask);
  return v;
}

}  // namespace cairn::gpu
