// The kernels that this machine can run; the scalar ones first.
#pragma once

#include <vector>

#include "../cpu/cpu_features.hpp"

inline std::vector<const cairn::Kernels*> available_kernels() {
  std::vector<const cairn::Kernels*> all{&cairn::kScalarKernels};
#if defined(CAIRN_X86)
  const cairn::CpuFeatures f = cairn::cpu_features();
  if (f.avx2) all.push_back(&cairn::kAvx2Kernels);
  if (f.avx512Vnni) all.push_back(&cairn::kAvx512Kernels);
  if (cairn::amx_refusal().empty()) all.push_back(&cairn::kAmxKernels);
#endif
  return all;
}
