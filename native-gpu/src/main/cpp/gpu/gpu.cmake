# The GPU's back end: the emulator and its tests always, libraries for cards where targets are named.
set(CAIRN_GPU_SOURCES
  gpu/engine/device_weights.cpp
  gpu/engine/gpu_backend.cpp
  gpu/engine/gpu_forward.cpp
  gpu/engine/gpu_runner.cpp
  gpu/engine/step_plan.cpp
  gpu/kernels/attention.cpp
  gpu/kernels/products_dot.cpp
  gpu/kernels/products_float.cpp
  gpu/kernels/products_matrix.cpp
  gpu/kernels/rows.cpp
  gpu/kernels/sampler.cpp
  gpu/kernels/streaming.cpp
  gpu/runtime/runtime.cpp)

# The objects of sources by a GPU's compiler; more arguments are its command.
function(cairn_gpu_objects result name)
  set(objects)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS gpu/*.hpp cpu/*.hpp jni/*.hpp test/*.hpp)
  foreach(source IN LISTS CAIRN_GPU_COMPILED)
    get_filename_component(base ${source} NAME_WE)
    set(object "${CMAKE_BINARY_DIR}/${name}/${base}.o")
    add_custom_command(OUTPUT ${object}
      COMMAND ${CMAKE_COMMAND} -E make_directory "${CMAKE_BINARY_DIR}/${name}"
      COMMAND sh "${CMAKE_CURRENT_SOURCE_DIR}/gpu/compile.sh" ${object}.log
              ${ARGN} -c "${CMAKE_CURRENT_SOURCE_DIR}/${source}" -o ${object}
      DEPENDS ${source} ${headers}
      COMMENT "${name}: ${source}" VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  set_source_files_properties(${objects} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  set(${result} ${objects} PARENT_SCOPE)
endfunction()

# The suites of the CPU's operators with a GPU's in their place, and of the engine.
function(cairn_gpu_suites prefix)
  foreach(name IN ITEMS product_test row_kernels_test gpu_sampler_test gpu_engine_test)
    add_executable(${prefix}_${name} test/${name}.cpp)
    target_compile_definitions(${prefix}_${name} PRIVATE CAIRN_GPU_SUITE)
    target_link_libraries(${prefix}_${name} PRIVATE cairn_cpu_objects ${ARGN})
    add_test(NAME ${prefix}_${name} COMMAND ${prefix}_${name})
    set_tests_properties(${prefix}_${name} PROPERTIES TIMEOUT 300)
  endforeach()
endfunction()

# The emulator itself, whose fibers the address sanitizer knows.
add_library(cairn_emulator_runtime OBJECT gpu/runtime/emulator.cpp gpu/runtime/emulator_api.cpp
  gpu/runtime/fiber.cpp gpu/runtime/runtime.cpp)
target_compile_definitions(cairn_emulator_runtime PUBLIC GPU_EMU)
target_link_libraries(cairn_emulator_runtime PUBLIC cairn_cpu_objects)
add_executable(emulator_test test/emulator_test.cpp)
target_link_libraries(emulator_test PRIVATE cairn_cpu_objects cairn_emulator_runtime)
add_test(NAME emulator_test COMMAND emulator_test)
set_tests_properties(emulator_test PROPERTIES TIMEOUT 120)

# Not under sanitizers: each switch of stacks clears the shadow of one, so that gpu_sampler_test, half a
# second otherwise, was not done after 110 s of a processor.
if(NOT CAIRN_SANITIZE)
  set(sources ${CAIRN_GPU_SOURCES})
  list(REMOVE_ITEM sources gpu/runtime/runtime.cpp)
  add_library(cairn_emulator_objects OBJECT ${sources})
  target_link_libraries(cairn_emulator_objects PUBLIC cairn_cpu_objects cairn_emulator_runtime)
  add_library(cairn_emulator_operators OBJECT test/gpu_operators.cpp)
  target_link_libraries(cairn_emulator_operators PUBLIC cairn_emulator_objects)
  cairn_gpu_suites(emulator cairn_emulator_runtime cairn_emulator_objects cairn_emulator_operators)
  if(NOT CAIRN_TESTS_ONLY)
    cairn_library(cairn_emulator EmulatorBinding "${CAIRN_TEST_OUTPUT}")
    target_link_libraries(cairn_emulator PRIVATE cairn_emulator_objects cairn_emulator_runtime)
  endif()
endif()

# A library for Java, and the suites as programs to be built by name and run where such a card is.
function(cairn_gpu_library name binding output link)
  set(CAIRN_GPU_COMPILED ${CAIRN_GPU_SOURCES})
  cairn_gpu_objects(objects ${name} ${ARGN})
  cairn_library(${name} ${binding} "${output}")
  target_sources(${name} PRIVATE ${objects})
  target_link_libraries(${name} PRIVATE ${link})
  set(CAIRN_GPU_COMPILED test/gpu_operators.cpp test/gpu_sampler_test.cpp test/gpu_engine_test.cpp)
  cairn_gpu_objects(tests ${name} ${ARGN})
  list(GET tests 0 operators)
  list(GET tests 1 sampler)
  list(GET tests 2 engine)
  foreach(test IN ITEMS product_test row_kernels_test)
    add_executable(${name}_${test} EXCLUDE_FROM_ALL test/${test}.cpp ${objects} ${operators})
    target_compile_definitions(${name}_${test} PRIVATE CAIRN_GPU_SUITE)
    target_link_libraries(${name}_${test} PRIVATE cairn_cpu_objects ${link})
  endforeach()
  add_executable(${name}_gpu_sampler_test EXCLUDE_FROM_ALL ${sampler} ${objects})
  add_executable(${name}_gpu_engine_test EXCLUDE_FROM_ALL ${engine} ${objects})
  foreach(test IN ITEMS gpu_sampler_test gpu_engine_test)
    target_link_libraries(${name}_${test} PRIVATE cairn_cpu_objects ${link})
  endforeach()
endfunction()

# -Xptxas -v and -Rpass-analysis are for bin/gpu-report, which reads the logs.
if(CAIRN_CUDA_TARGETS)
  find_program(CAIRN_NVCC nvcc REQUIRED)
  get_filename_component(cuda_bin "${CAIRN_NVCC}" REALPATH)
  get_filename_component(cuda_bin "${cuda_bin}" DIRECTORY)
  find_library(CAIRN_CUDART cudart_static REQUIRED
    HINTS "${cuda_bin}/../lib64" "${cuda_bin}/../lib" "${cuda_bin}/../targets/x86_64-linux/lib"
          /usr/local/cuda/lib64)
  set(targets)
  foreach(target IN LISTS CAIRN_CUDA_TARGETS)
    list(APPEND targets -gencode "arch=compute_${target},code=sm_${target}")
  endforeach()
  cairn_gpu_library(cairn_cuda CudaBinding "${CAIRN_CUDA_OUTPUT}" "${CAIRN_CUDART};dl;rt"
    ${CAIRN_NVCC} -std=c++20 -O3 -x cu --expt-relaxed-constexpr -ftz=true -fmad=false ${targets}
    -DGPU_CUDA -Xptxas -v -Xcompiler -fPIC,-fvisibility=hidden,-Wall,-Wextra,-Werror,-ffp-contract=off)
endif()
if(CAIRN_HIP_TARGETS)
  find_program(CAIRN_HIPCC hipcc REQUIRED HINTS /opt/rocm/bin)
  find_library(CAIRN_AMDHIP amdhip64 REQUIRED HINTS /opt/rocm/lib)
  # hipcc takes nvcc where it finds one unless it is told.
  set(hipcc ${CMAKE_COMMAND} -E env HIP_PLATFORM=amd ${CAIRN_HIPCC})
  # Device libraries that bin/install-rocm-toolchain made.
  set(bitcode "$ENV{XDG_CACHE_HOME}")
  if(NOT bitcode)
    set(bitcode "$ENV{HOME}/.cache")
  endif()
  if(EXISTS "${bitcode}/cairn/bitcode/oclc_isa_version_1100.bc")
    list(APPEND hipcc "--rocm-device-lib-path=${bitcode}/cairn/bitcode")
  endif()
  set(wanted ${CAIRN_HIP_TARGETS})
  if(wanted STREQUAL "usual")
    set(wanted)
    set(probe "${CMAKE_BINARY_DIR}/hip_probe.cpp")
    file(WRITE "${probe}" "#include <hip/hip_runtime.h>\n__global__ void probe(float* x) { x[0] = 1; }\n")
    foreach(target IN ITEMS gfx90a gfx942 gfx1030 gfx1100)
      execute_process(COMMAND ${hipcc} -x hip --offload-arch=${target} -c ${probe} -o ${probe}.o
        RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
      if(failed)
        message(NOTICE "cairn: this hipcc does not compile for ${target}, which is left out")
      else()
        list(APPEND wanted ${target})
      endif()
    endforeach()
  endif()
  set(targets)
  foreach(target IN LISTS wanted)
    list(APPEND targets --offload-arch=${target})
  endforeach()
  cairn_gpu_library(cairn_hip HipBinding "${CAIRN_HIP_OUTPUT}" "${CAIRN_AMDHIP}"
    ${hipcc} -std=c++20 -O3 -x hip ${targets}
    -fgpu-flush-denormals-to-zero -ffp-contract=off -DGPU_HIP -Rpass-analysis=kernel-resource-usage
    -fPIC -fvisibility=hidden -Wall -Wextra -Werror)
endif()
