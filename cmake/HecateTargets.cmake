# How every target of the project is made: the same language, warnings, sanitizers and names.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
# Line tables are all that profiles and stack traces need; full debug data doubles the time of a build.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")

# The oldest processor that the binary runs on: x86-64-v3 (AVX2) is every server since 2013.
set(HECATE_ARCH "x86-64-v3" CACHE STRING "-march for the whole program; empty for the compiler's default")
set(HECATE_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread")
option(HECATE_FUZZ "Make libFuzzer programs of tests/fuzz; clang only" OFF)

# ccache accepts precompiled headers only when it is told that defines and times in them do not matter.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${CCACHE}")
endif()

add_library(hecate_flags INTERFACE)
target_compile_options(hecate_flags INTERFACE -Wall -Wextra -Werror -Wnon-virtual-dtor -Woverloaded-virtual)
# g++ 12 warns inside its own library and Boost when it optimises std::string and coroutines; known false alarms.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(hecate_flags INTERFACE -Wno-error=restrict -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(HECATE_ARCH AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(hecate_flags INTERFACE "-march=${HECATE_ARCH}")
endif()
if(HECATE_SANITIZE)
  # Under sanitizers it warns of the frames of coroutines, whose new and delete differ in their arguments only, and of
  # fences, which ThreadSanitizer does not know (Asio has some); false alarms both.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(hecate_flags INTERFACE -Wno-mismatched-new-delete -Wno-tsan)
  endif()
  # The first finding ends the program: else UndefinedBehaviorSanitizer only writes, and the test passes.
  target_compile_options(hecate_flags INTERFACE "-fsanitize=${HECATE_SANITIZE}" -fno-sanitize-recover=all
                         -fno-omit-frame-pointer -O1)
  target_link_options(hecate_flags INTERFACE "-fsanitize=${HECATE_SANITIZE}")
endif()
if(HECATE_FUZZ)
  # What libFuzzer steers by.
  target_compile_options(hecate_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_include_directories(hecate_flags INTERFACE "${CMAKE_SOURCE_DIR}")

# The headers that nearly every file reads and that take longest, compiled once and used by all libraries.
add_library(hecate_common STATIC "${CMAKE_SOURCE_DIR}/cmake/common.cpp")
target_link_libraries(hecate_common PUBLIC hecate_flags absl::flat_hash_map absl::node_hash_map absl::flat_hash_set
                      fmt::fmt)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(hecate_flags INTERFACE -fpch-preprocess -Winvalid-pch)
endif()
target_precompile_headers(hecate_common PRIVATE
  <algorithm> <array> <chrono> <expected> <functional> <map> <memory> <mutex> <optional> <set> <span> <string>
  <string_view> <thread> <vector> <absl/container/flat_hash_map.h> <absl/container/flat_hash_set.h>
  <absl/container/node_hash_map.h> <fmt/format.h>)

# hecate_library(NAME [LINK targets…]): all .cpp files of this folder as the static library hecate_NAME.
# Without any, a library of headers.
function(hecate_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  if(sources)
    add_library(hecate_${name} STATIC ${sources})
    target_link_libraries(hecate_${name} PUBLIC hecate_flags ${ARG_LINK})
    target_precompile_headers(hecate_${name} REUSE_FROM hecate_common)
  else()
    add_library(hecate_${name} INTERFACE)
    target_link_libraries(hecate_${name} INTERFACE hecate_flags ${ARG_LINK})
  endif()
endfunction()

# hecate_test(NAME [LINK targets…]): all .cpp files of tests/NAME as the GoogleTest program NAME_test.
function(hecate_test name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${name}/*.cpp")
  if(sources)
    add_executable(${name}_test ${sources})
    target_link_libraries(${name}_test PRIVATE hecate_flags hecate_testing ${ARG_LINK})
    target_compile_definitions(${name}_test PRIVATE "HECATE_SOURCE_DIR=\"${CMAKE_SOURCE_DIR}\"")
    gtest_discover_tests(${name}_test DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300)
  endif()
endfunction()

# hecate_embed(TARGET FOLDER dir PATTERN globs… HEADER h NAMESPACE n TYPE t FUNCTION f): the texts of files become part
# of the library: `std::span<const t> n::f()`, each {path below the folder, text}, sorted by path; the header declares
# both.
function(hecate_embed target)
  cmake_parse_arguments(ARG "" "FOLDER;HEADER;NAMESPACE;TYPE;FUNCTION" "PATTERN" ${ARGN})
  list(TRANSFORM ARG_PATTERN PREPEND "${ARG_FOLDER}/")
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE "${ARG_FOLDER}" ${ARG_PATTERN})
  list(SORT files)
  set(content "#include \"${ARG_HEADER}\"\n\nnamespace ${ARG_NAMESPACE} {\nnamespace {\n\n")
  string(APPEND content "constexpr ${ARG_TYPE} kFiles[] = {\n")
  foreach(path IN LISTS files)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${ARG_FOLDER}/${path}")
    file(READ "${ARG_FOLDER}/${path}" text)
    string(APPEND content "    {\"${path}\", R\"hecate(${text})hecate\"},\n")
  endforeach()
  string(APPEND content "};\n\n}  // namespace\n\n")
  string(APPEND content "std::span<const ${ARG_TYPE}> ${ARG_FUNCTION}() { return kFiles; }\n\n")
  string(APPEND content "}  // namespace ${ARG_NAMESPACE}\n")
  set(generated "${CMAKE_CURRENT_BINARY_DIR}/${ARG_FUNCTION}.cpp")
  set(before "")
  if(EXISTS "${generated}")
    file(READ "${generated}" before)
  endif()
  if(NOT before STREQUAL content)
    file(WRITE "${generated}" "${content}")
  endif()
  target_sources(${target} PRIVATE "${generated}")
endfunction()
