#define CAIRN_ISA scalar

#include "kernels.hpp"

#include "../activation.hpp"
#include "../half.hpp"
#include "../kv.hpp"
#include "vec_scalar.hpp"

#include "elementwise.hpp"

#include "attention.hpp"
#include "gemm_float.hpp"
#include "gemm_scalar.hpp"

namespace cairn {

const Kernels kScalarKernels = {
    "scalar",
    scalar::gemm_float,
    scalar::gemm_blocks,
    scalar::quantize,
    scalar::rms_norm,
    scalar::add_rows,
    scalar::swiglu,
    scalar::geglu,
    scalar::add_norm_quantize,
    scalar::swiglu_quantize,
    scalar::geglu_quantize,
    scalar::rotate,
    scalar::soft_cap,
    scalar::attend,
    scalar::to_half,
    scalar::all_finite,
    scalar::max_value,
    scalar::sum_exp,
    scalar::exp_values,
};

}  // namespace cairn
