// Marks what runs on the CPU and in GPU kernels alike, with the same bits.
#pragma once

#if defined(__CUDACC__) || defined(__HIP__)
#define CAIRN_ANYWHERE __attribute__((host)) __attribute__((device))
#else
#define CAIRN_ANYWHERE
#endif
