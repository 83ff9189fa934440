#define CAIRN_ISA avx2

#include "kernels.hpp"

#include "../activation.hpp"
#include "../half.hpp"
#include "../kv.hpp"
#include "unrolled.hpp"
#include "vec_avx2.hpp"

#include "elementwise.hpp"

#include "attention.hpp"
#include "gemm_float.hpp"
#include "gemm_avx2.hpp"

namespace cairn {

const Kernels kAvx2Kernels = {
    "avx2",
    avx2::gemm_float,
    avx2::gemm_blocks,
    avx2::quantize,
    avx2::rms_norm,
    avx2::add_rows,
    avx2::swiglu,
    avx2::geglu,
    avx2::add_norm_quantize,
    avx2::swiglu_quantize,
    avx2::geglu_quantize,
    avx2::rotate,
    avx2::soft_cap,
    avx2::attend,
    avx2::to_half,
    avx2::all_finite,
    avx2::max_value,
    avx2::sum_exp,
    avx2::exp_values,
};

}  // namespace cairn
