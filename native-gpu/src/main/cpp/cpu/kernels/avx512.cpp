#define CAIRN_ISA avx512

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

namespace cairn {

const Kernels kAvx512Kernels = {
    "avx512",
    avx512::gemm_float,
    avx512::gemm_blocks,
    avx512::quantize,
    avx512::rms_norm,
    avx512::add_rows,
    avx512::swiglu,
    avx512::geglu,
    avx512::add_norm_quantize,
    avx512::swiglu_quantize,
    avx512::geglu_quantize,
    avx512::rotate,
    avx512::soft_cap,
    avx512::attend,
    avx512::to_half,
    avx512::all_finite,
    avx512::max_value,
    avx512::sum_exp,
    avx512::exp_values,
};

}  // namespace cairn
