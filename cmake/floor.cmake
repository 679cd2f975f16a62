# floor(NAME SEES a b c USES lib...): a folder of src/ as a static library that can include and call only
# itself and the folders it names. Everything else is not on its include path, so a forbidden #include does
# not compile. limits.h is for all.
set(FLOOR_INC ${PROJECT_BINARY_DIR}/inc)
file(MAKE_DIRECTORY ${FLOOR_INC}/root)
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/src/limits.h ${FLOOR_INC}/root/limits.h SYMBOLIC)

function(floor name)
  cmake_parse_arguments(F "" "" "SEES;USES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.c)
  set(inc ${FLOOR_INC}/${name})
  file(MAKE_DIRECTORY ${inc})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/src/${name} ${inc}/${name} SYMBOLIC)
  if(NOT sources)
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PRIVATE ${inc} INTERFACE $<BUILD_INTERFACE:${inc}>)
  # -iquote, not -I: our limits.h must not hide the system's <limits.h>
  target_compile_options(${name} PUBLIC "SHELL:-iquote ${FLOOR_INC}/root")
  target_link_libraries(${name} PUBLIC ${F_SEES} ${F_USES})
endfunction()
