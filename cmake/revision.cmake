# Writes OUTPUT, a header with the git revision of SOURCE, unless it says so already: cmake -D… -P revision.cmake.
# REVISION goes before what git says; without both it is empty, as in an image that is built without .git.
cmake_minimum_required(VERSION 3.25)
if(NOT REVISION)
  execute_process(COMMAND git -C "${SOURCE}" rev-parse --short=12 HEAD OUTPUT_VARIABLE REVISION
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    set(REVISION "")
  endif()
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "#define HECATE_REVISION \"@REVISION@\"\n" @ONLY)
