// What HIP and CUDA write alike of the names of gpu.hpp; included by their headers.
#pragma once

#define GPU_KERNEL __global__ static void
#define GPU_DEVICE __device__
#define GPU_BOUNDS(threads) __launch_bounds__(threads)
#define GPU_SHARED(type, name, count) __shared__ type name[count]
#define GPU_LAUNCH(kernel, grid, threads, stream, ...) \
  kernel<<<cairn::gpu::dimensions(grid), (threads), 0, (stream)>>>(__VA_ARGS__)
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
__device__ inline int atomic_add(int* p, int v) { return atomicAdd(p, v); }
__device__ inline double atomic_add(double* p, double v) { return atomicAdd(p, v); }
__device__ inline uint32_t atomic_or(uint32_t* p, uint32_t v) { return atomicOr(p, v); }
__device__ inline uint32_t atomic_exchange(uint32_t* p, uint32_t v) { return atomicExch(p, v); }

}  // namespace cairn::gpu
