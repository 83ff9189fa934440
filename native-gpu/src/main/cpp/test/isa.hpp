// The kernels that this machine can run; the scalar ones first. The suites of operators are built a
// second time as CAIRN_GPU_SUITE, with the GPU's kernels in place of the CPU's vector kernels.
#pragma once

#include <vector>

#include "../cpu/cpu_features.hpp"
#if defined(CAIRN_GPU_SUITE)
#include "gpu_operators.hpp"
#endif

inline std::vector<const cairn::Kernels*> available_kernels() {
  std::vector<const cairn::Kernels*> all{&cairn::kScalarKernels};
#if defined(CAIRN_GPU_SUITE)
  all.insert(all.end(), gpu_operators().begin(), gpu_operators().end());
#elif defined(CAIRN_X86)
  const cairn::CpuFeatures f = cairn::cpu_features();
  if (f.avx2) all.push_back(&cairn::kAvx2Kernels);
  if (f.avx512Vnni) all.push_back(&cairn::kAvx512Kernels);
  if (cairn::amx_refusal().empty()) all.push_back(&cairn::kAmxKernels);
#endif
  return all;
}

// How often a check is repeated with other inputs: emulated kernels are slow.
inline constexpr int rounds(int n) {
#if defined(CAIRN_GPU_SUITE)
  return (n + 4) / 5;
#else
  return n;
#endif
}
