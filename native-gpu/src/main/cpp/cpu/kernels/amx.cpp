#define CAIRN_ISA amx

#include "kernels.hpp"

#include "../activation.hpp"
#include "../half.hpp"
#include "../kv.hpp"
#include "unrolled.hpp"
#include "vec_avx512.hpp"

#include "elementwise.hpp"

#include "attention.hpp"
#include "gemm_float.hpp"
#include "gemm_vnni.hpp"

#include "plane_blocks.hpp"
#include "gemm_planes.hpp"

#include "gemm_amx.hpp"

namespace cairn {

const Kernels kAmxKernels = {
    "amx",
    amx::gemm_float,
    amx::gemm_tiles,
    amx::quantize,
    amx::rms_norm,
    amx::add_rows,
    amx::swiglu,
    amx::geglu,
    amx::add_norm_quantize,
    amx::swiglu_quantize,
    amx::geglu_quantize,
    amx::rotate,
    amx::soft_cap,
    amx::attend,
    amx::to_half,
    amx::all_finite,
    amx::max_value,
    amx::sum_exp,
    amx::exp_values,
};

}  // namespace cairn
