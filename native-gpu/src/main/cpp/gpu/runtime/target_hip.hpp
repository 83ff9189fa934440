// AMD: the names of gpu.hpp for hipcc.
#pragma once

#include <hip/hip_runtime.h>
// after it, for its types
#include <hip/hip_fp16.h>

#define GPU_KERNEL __global__ static void
#define GPU_DEVICE __device__
#define GPU_BOUNDS(threads) __launch_bounds__(threads)
#define GPU_SHARED(type, name, count) __shared__ type name[count]
#define GPU_LAUNCH(kernel, grid, threads, stream, ...) \
  kernel<<<cairn::gpu::dimensions(grid), (threads), 0, (stream)>>>(__VA_ARGS__)
#define GPU_API(name) hip##name
#define GPU_UNROLL _Pragma("unroll")

namespace cairn::gpu {

// Blocks of a launch.
struct Grid {
  unsigned x, y = 1;
};
inline dim3 dimensions(Grid g) { return dim3(g.x, g.y); }

__device__ inline int thread() { return static_cast<int>(threadIdx.x); }
__device__ inline int threads() { return static_cast<int>(blockDim.x); }
__device__ inline int block() { return static_cast<int>(blockIdx.x); }
__device__ inline int block_y() { return static_cast<int>(blockIdx.y); }
__device__ inline int blocks() { return static_cast<int>(gridDim.x); }
__device__ inline void sync_block() { __syncthreads(); }
// The lanes of a wave run in step; what is left is the order of its memory accesses.
__device__ inline void sync_warp() {
  __builtin_amdgcn_fence(__ATOMIC_ACQ_REL, "wavefront");
  __builtin_amdgcn_wave_barrier();
}
template <class T>
__device__ inline T shuffle_xor(T v, int mask) {
  return __shfl_xor(v, mask, 32);
}
template <class T>
__device__ inline T shuffle(T v, int lane) {
  return __shfl(v, lane, 32);
}
__device__ inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
__device__ inline float root(float x) { return __builtin_sqrtf(x); }
__device__ inline float nearest(float x) { return __builtin_rintf(x); }
__device__ inline float half_to_float(uint16_t h) {
  return static_cast<float>(std::bit_cast<_Float16>(h));
}
__device__ inline uint16_t float_to_half(float f) {
  return std::bit_cast<uint16_t>(static_cast<_Float16>(f));
}
__device__ inline int atomic_add(int* p, int v) { return atomicAdd(p, v); }
__device__ inline uint32_t atomic_or(uint32_t* p, uint32_t v) { return atomicOr(p, v); }
__device__ inline uint32_t atomic_exchange(uint32_t* p, uint32_t v) { return atomicExch(p, v); }
__device__ inline double atomic_add(double* p, double v) { return atomicAdd(p, v); }
// c + the dot product of four signed bytes
__device__ inline int dot4(int a, int b, int c) {
#if defined(__gfx1100__) || defined(__gfx1101__) || defined(__gfx1102__)
  return __builtin_amdgcn_sudot4(true, a, true, b, c, false);
#else
  return __builtin_amdgcn_sdot4(a, b, c, false);
#endif
}

}  // namespace cairn::gpu
