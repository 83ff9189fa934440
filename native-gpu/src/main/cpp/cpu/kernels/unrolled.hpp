// Loops and choices whose index is a constant in the body, at every optimization level.
#pragma once

#include <type_traits>
#include <utility>

#include "../formats.hpp"

namespace cairn {

// body(integral_constant 0) … body(integral_constant N − 1)
template <int N, class Body>
inline __attribute__((always_inline)) void unrolled(const Body& body) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (body(std::integral_constant<int, I>{}), ...);
  }(std::make_integer_sequence<int, N>{});
}

// body(integral_constant type) for a block type other than Q8_0
template <class Body>
inline void for_plane_type(WeightType type, const Body& body) {
  using enum WeightType;
  switch (type) {
    case Q4_0:
      return body(std::integral_constant<WeightType, Q4_0>{});
    case Q4_1:
      return body(std::integral_constant<WeightType, Q4_1>{});
    case Q5_0:
      return body(std::integral_constant<WeightType, Q5_0>{});
    case Q5_1:
      return body(std::integral_constant<WeightType, Q5_1>{});
    case Q2_K:
      return body(std::integral_constant<WeightType, Q2_K>{});
    case Q3_K:
      return body(std::integral_constant<WeightType, Q3_K>{});
    case Q4_K:
      return body(std::integral_constant<WeightType, Q4_K>{});
    case Q5_K:
      return body(std::integral_constant<WeightType, Q5_K>{});
    default:
      return body(std::integral_constant<WeightType, Q6_K>{});
  }
}

}  // namespace cairn
